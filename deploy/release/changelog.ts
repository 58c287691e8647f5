/** The section of CHANGELOG.md about a version, which is the text of its release. */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m)
  const section = sections.find((text) => text.split(/[\s,]/, 1)[0] === version)
  if (!section) throw new Error(`CHANGELOG.md has no section "## ${version}": write what users notice`)
  return `${section.slice(section.indexOf('\n')).trim()}\n`
}
