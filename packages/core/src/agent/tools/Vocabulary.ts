/**
 * The words of a text as the ranking of tools compares them: stemmed, and with what else people say for the same. Pure.
 * The table is of everyday English and of what servers name in general, not of any server's tools.
 */

/** The stems of a text in order, without the most common words. Names like `readTextFile` and `read_text_file` are split. */
export const stems = (text: string): ReadonlyArray<string> => words(text).map(stem)

/** What is meant by a stem: the groups of the table that it is in, as terms that no text contains. */
export const meanings = (ofStem: string): ReadonlyArray<string> => groups.get(ofStem) ?? []

/** What the form of a text says without words: an address, the name of a file, an owner with a repository, a time. */
export const shapes = (text: string): ReadonlyArray<string> =>
  forms.flatMap(([form, says]) => (form.test(text) ? stems(says).flatMap((one) => [one, ...meanings(one)]) : []))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const words = (text: string): ReadonlyArray<string> =>
  text
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .replaceAll(/['’]s\b/g, "")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !common.has(word))

const common = new Set(
  "a an and any are as at be been by can could did do does for from had has have how i if in into is it its let me my of on one or our out please so some than that the their them then there these they this those to up us use was we were what when which will with would you your".split(
    " "
  )
)

/** Cuts endings, always in the same way; what remains need not be a word. */
const stem = (word: string): string => {
  if (word.length < 4 || /\d/.test(word)) return word
  const singular = word
    .replace(/ies$/, "y")
    .replace(/(ch|sh|x|z|ss)es$/, "$1")
    .replace(/([^s])s$/, "$1")
  const base = singular.replace(/(?<=..[aeiouy].*|[aeiouy].{2,})(?:ing|ed|er|ion|ment|ly)$/, "")
  return base
    .replace(/e$/, "")
    .replace(/([^aeiou])\1$/, "$1")
    .replace(/(?<=..)y$/, "i")
}

/** Words for the same, each line a group. A word may be in several. */
const table = `
read show display view open see look print content inside text
write save store put record jot note overwrite
create make new add build open start begin set
add append insert attach include put
delete remove erase drop forget discard clear wipe trash throw undo
edit change modify alter update fix correct replace adjust patch
move rename relocate transfer shift call name
copy duplicate clone fork
find search look locate where seek query lookup anybody anyone
list all every which overview
file document text disk
directory folder subfolder place
image picture photo logo icon media graphic
audio sound recording music voice media
size big large space bytes heavy
info information metadata detail about property
web page url site website internet http https www article online fetch
time clock hour late date day today now o'clock noon
timezone city zone
convert translate turn
sum plus total add addition
issue ticket bug problem defect
pull proposal propose pr merge request
repository repo project codebase github
commit revision checkin changeset
branch line
release version publish
user person people account profile developer programmer who
member collaborator colleague people who
team group organization company org
comment remark reply answer respond discussion
memory knowledge remember know fact mind recall graph
entity person thing people
relation relationship link connection between
observation fact note
compress zip gzip archive shrink pack
environment env variable setting
diff difference compare differ change
merge accept join integrate combine
review approve check feedback
allow permit may access permission
upload push send
download fetch get retrieve pull
log history past happened
stage prepare
reset undo revert restore unstage back
message mail email letter
calendar event meeting appointment schedule
run execute launch trigger start perform
status state
tree structure hierarchy recursive
label tag
echo repeat say
switch checkout go change
investigate research study explore
copilot robot ai assistant
several multiple many together
last latest newest recent
`

const forms: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bhttps?:\/\/|\bwww\.\w/i, "web url page"],
  [/(?<![\w/])[\w-]+\.(?!(?:com|org|net|io|dev)\b)[a-z][a-z0-9]{0,4}\b/i, "file path"],
  [/(?:^|\s)~?\/[\w.-]+\//, "file path"],
  [/(?<![\w/.:])[\w-]+\/[\w.-]+(?![\w/])/, "repository owner"],
  [/\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b/, "commit sha"],
  [/#\d+\b/, "issue number"],
  [/\b\d{1,2}(?::\d\d|\s?[ap]\.?m\b)/i, "time"]
]

const groups = new Map<string, Array<string>>()
for (const [place, line] of table.trim().split("\n").entries()) {
  for (const word of new Set(line.split(" ").map(stem))) groups.set(word, [...(groups.get(word) ?? []), `~${place}`])
}
