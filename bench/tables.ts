/** Markdown tables, and their place in a page. */

/** A table whose first column is text and whose others are numbers. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = heads.map((_, at) => (at === 0 ? '---' : '---:'))
  return [heads, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

/** The page with new text between the markers `<!-- bench NAME -->` and `<!-- end -->`. */
export function replaceSection(page: string, name: string, text: string): string {
  const section = new RegExp(`(<!-- bench ${name} -->).*?(<!-- end -->)`, 's')
  if (!section.test(page)) throw new Error(`The page has no section ${name}`)
  return page.replace(section, (_, start: string, end: string) => `${start}\n\n${text}\n\n${end}`)
}
