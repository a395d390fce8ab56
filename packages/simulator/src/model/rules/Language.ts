/** The little English that the rule-based stand-in knows: words and stems, clauses of a task, quoted strings, paths. */

/** Synonyms; the first of each row is the canonical one. */
const families: ReadonlyArray<ReadonlyArray<string>> = [
  ["list", "show", "enumerate", "ls", "dir"],
  ["read", "open", "summarise", "summarize", "explain", "view", "print", "cat", "describe", "tell", "review", "check"],
  ["write", "save", "store", "put"],
  ["create", "make", "remember"],
  ["add", "append"],
  ["search", "find", "look", "grep", "locate", "recall", "lookup"],
  ["delete", "remove", "erase", "forget"],
  ["move", "rename"],
  ["echo", "repeat", "say"],
  ["sum", "plus", "total", "adding"],
  ["directory", "folder"],
  ["entity", "entities", "person", "thing"],
  ["observation", "fact"],
  ["relation", "relationship"],
  ["node", "knowledge", "memory"],
  ["tree", "recursive", "recursively"],
  ["size", "big", "large", "info", "metadata"]
]

const canonical: ReadonlyMap<string, string> = new Map(
  families.flatMap((family) => family.map((word) => [word, family[0] ?? word] as const))
)

/** Verbs with which a new clause may begin. */
const verbs = new Set(families.slice(0, 10).flat())

/** Words in a tool's name that mean a change; such a tool is chosen only if the task has them too. */
export const changing: ReadonlySet<string> = new Set(["write", "create", "delete", "move", "edit", "add", "toggle"])

/** Words that say nothing about the tool. */
const silent = new Set(
  "a an the in of on at to from for with and or then that this these those is are be it its my your our me i you please use using what which who how do does all any each every about into by as their there here tool tools mcp server get can could would should current".split(
    " "
  )
)

/** A word without its ending: `files` and `file`, `listing` and `list` are the same. */
export const stem = (word: string): string => {
  const lower = word.toLowerCase()
  const known = canonical.get(lower)
  if (known !== undefined) return known
  const bare = lower
    .replace(/ies$/, "y")
    .replace(/(ss|us)$/, "$1")
    .replace(/([^su])s$/, "$1")
    .replace(/ing$/, "")
    .replace(/(..)ed$/, "$1")
  return canonical.get(bare) ?? bare
}

/** The significant words of a text, as stems; names in camel case and snake case are split. */
export const words = (text: string): ReadonlyArray<string> =>
  (text.replace(/([a-z\d])([A-Z])/g, "$1 $2").match(/[\p{L}\d]+/gu) ?? [])
    .filter((word) => !silent.has(word.toLowerCase()))
    .map(stem)

/** Words of a question or of a listing that are not part of its subject. */
const asking = new Set(
  "did was were has have had much many some most when where why whom whose mention say contain hold show give need want know exist present available file folder directory document note content inside".split(
    " "
  )
)

/** Whether a clause asks what, how much, who and the like. */
export const isQuestion = (clause: string): boolean =>
  /\?\s*$/.test(clause) ||
  /\b(?:how (?:much|many|long|often|old|far)|what|which|who|whose|when|where|why)\b/i.test(clause)

/** Whether a clause is only about files and folders. */
export const asksForListing = (clause: string): boolean =>
  /\b(?:files?|folders?|director(?:y|ies)|documents?|notes?)\b/i.test(clause) && terms(clause).length === 0

const bare = (word: string): string =>
  word
    .toLowerCase()
    .replace(/ies$/, "y")
    .replace(/([^su])s$/, "$1")
    .replace(/(..)(?:ing|ed|e)$/, "$1")

const askingBare = new Set([...asking, ...verbs, ...silent].map(bare))

/** The words of a question that an answer should contain too, verbatim. */
export const spokenTerms = (clause: string): ReadonlyArray<string> =>
  (clause.match(/[\p{L}\d]{2,}/gu) ?? []).filter((word) => !askingBare.has(bare(word)))

/** The same without their endings, each once. */
export const terms = (clause: string): ReadonlyArray<string> => [...new Set(spokenTerms(clause).map(bare))]

/** All words of a text without their endings: `takings` and `take` are the same. */
export const bareWords = (text: string): ReadonlySet<string> => new Set((text.match(/[\p{L}\d]+/gu) ?? []).map(bare))

const fileToken = /(?:[A-Za-z]:\\|~?\.{0,2}[\\/])?[\w.\-\\/]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,5}\b/g
const pathToken = /(?<![\w:/.])(?:[A-Za-z]:\\|~?\.{0,2}\/)[\w.\-\\/]+/g

const quoted = /"([^"]+)"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)/g

export const quotedStrings = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(quoted)].map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? "")

export const isPath = (text: string): boolean =>
  /^[^\s]+$/.test(text) && (/[\\/]/.test(text) || /^[\w-]+(\.\w+)+$/.test(text))

const trimmed = (path: string) => path.replace(/[.,;:!?)\]'"]+$/, "")

/** Paths in order of appearance, including quoted ones; URLs do not count. */
export const paths = (text: string): ReadonlyArray<string> => {
  const plain = text.replace(/\w+:\/\/\S+/g, " ")
  const found = [...plain.matchAll(pathToken), ...plain.matchAll(fileToken)]
    .toSorted((left, right) => left.index - right.index)
    .map((match) => trimmed(match[0]))
  const all = [...quotedStrings(plain).filter(isPath), ...found]
  return all.filter(
    (path, index) => all.indexOf(path) === index && !all.some((other) => other !== path && other.endsWith(path))
  )
}

/** Absolute paths of folders, as in a system prompt or a listing of allowed directories. */
export const folders = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:^|[\s"'`(:[])((?:\/|[A-Za-z]:\\)[^\s"'`),;\]]+)/g)]
    .map((match) => trimmed(match[1] ?? ""))
    .filter((path, index, all) => path.length > 1 && !/\.\w{1,5}$/.test(path) && all.indexOf(path) === index)

/** Standalone numbers. */
export const numbers = (text: string): ReadonlyArray<number> =>
  (text.match(/(?<![\w./-])-?\d+(?:\.\d+)?(?![\w/]|\.\w)/g) ?? []).map(Number)

/** Whether a path ends like a file name. */
export const isFile = (path: string): boolean => /\.[A-Za-z][A-Za-z0-9]{0,5}$/.test(path)

/** The parts of a task with one request each: split at full stops, and at "and" or "then" before a verb. */
export const clauses = (task: string): ReadonlyArray<string> =>
  task
    .split(/(?<=[.!?;])\s+|\n+/)
    .flatMap(atVerbs)
    .map((part) => part.trim())
    .filter((part) => /[\p{L}\d]/u.test(part))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const atVerbs = (sentence: string): ReadonlyArray<string> => {
  const joints = [...sentence.matchAll(/,?\s+(?:and then|then|and)\s+(?=(\p{L}+))/gu)].filter(
    (joint) => verbs.has((joint[1] ?? "").toLowerCase()) && !inQuotes(sentence, joint.index)
  )
  const starts = [0, ...joints.map((joint) => joint.index + joint[0].length)]
  const ends = [...joints.map((joint) => joint.index), sentence.length]
  return starts.map((start, index) => sentence.slice(start, ends[index]))
}

const inQuotes = (text: string, index: number): boolean => (text.slice(0, index).match(/["“”]/g) ?? []).length % 2 === 1
