/**
 * Stands in for web-streams-polyfill in the bundle: every Node that the action starts on has web streams of its own, and
 * the polyfill would be nearly half of the bundle.
 */
export {}
