// The project's own Node (24, the action's runtime) comes with the install where the registry has one for the
// platform. Elsewhere (macOS) the machine's Node runs everything, so it must be the right one.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `This needs Node 24, the runtime of the action, but runs on ${process.version}. Install Node 24 (see .node-version) and run the command again.`,
  )
  process.exit(1)
}
