// What a task of the bench on real models is, and the words that its checks share.
//
// A task names its class, its servers, what is in its folder before, what is asked (`{folder}` and `{url}` stand for the folder
// and for the local web server), and how to see whether it is done: `check` gets what is there afterwards and gives undefined,
// or one sentence that says what is wrong. A check looks at the folder, the graph and the answer, never at the calls.
import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

/** The text of a file of the folder; undefined when there is none. */
export const textOf = (folder, name) => {
  const path = join(folder, name)
  return existsSync(path) && statSync(path).isFile() ? readFileSync(path, "utf8") : undefined
}

export const isFolder = (folder, name) => {
  const path = join(folder, name)
  return existsSync(path) && statSync(path).isDirectory()
}

/** The graph of the memory server: names of entities with their observations, and relations. */
export const graphOf = (memoryFile) => {
  const lines = existsSync(memoryFile) ? readFileSync(memoryFile, "utf8").split("\n").filter(Boolean) : []
  const all = lines.map((line) => JSON.parse(line))
  return {
    entities: new Map(
      all.filter(({ type }) => type === "entity").map(({ name, observations }) => [name, observations.join("\n")])
    ),
    relations: all.filter(({ type }) => type === "relation")
  }
}

/** A file holds exactly this, but for space at its ends. */
export const fileIs =
  (name, text) =>
  ({ folder }) => {
    const found = textOf(folder, name)
    if (found === undefined) return `${name} is not there`
    return found.trim() === text.trim() ? undefined : `${name} holds ${JSON.stringify(found.slice(0, 80))}`
  }

export const fileMatches =
  (name, ...patterns) =>
  ({ folder }) => {
    const found = textOf(folder, name)
    if (found === undefined) return `${name} is not there`
    const missed = patterns.find((pattern) => !pattern.test(found))
    return missed === undefined ? undefined : `${name} does not match ${missed}`
  }

export const fileIsGone =
  (name) =>
  ({ folder }) =>
    textOf(folder, name) === undefined ? undefined : `${name} is still there`

export const folderIs =
  (name) =>
  ({ folder }) =>
    isFolder(folder, name) ? undefined : `${name} is no folder`

/** The answer has all of these; letter case, and commas within numbers, do not count. */
export const says =
  (...patterns) =>
  ({ answer }) => {
    const plain = answer.replaceAll(/(\d),(?=\d{3})/g, "$1")
    const missed = patterns.find((pattern) => !pattern.test(plain))
    return missed === undefined ? undefined : `the answer does not match ${missed}`
  }

export const saysNot =
  (...patterns) =>
  ({ answer }) => {
    const said = patterns.find((pattern) => pattern.test(answer))
    return said === undefined ? undefined : `the answer matches ${said}`
  }

/** The answer owns up that it could not be done. */
export const ownsUp = says(
  /\b(?:not|no|cannot|can't|couldn't|doesn't|isn't|unable|fail(?:ed|s)?|missing|unavailable|impossible|denied|error|without)\b/i
)

export const entityHas =
  (name, pattern) =>
  ({ memoryFile }) => {
    const found = [...graphOf(memoryFile).entities].find(([known]) => name.test(known))
    if (found === undefined) return `nothing is known of ${name}`
    return pattern.test(found[1]) ? undefined : `what is known of ${name} does not match ${pattern}`
  }

export const entityIsGone =
  (name) =>
  ({ memoryFile }) =>
    [...graphOf(memoryFile).entities.keys()].some((known) => name.test(known)) ? `${name} is still known` : undefined

/** The answer as JSON, by a check of its value. */
export const json =
  (look) =>
  ({ structured }) =>
    structured === undefined ? "there is no JSON that fits the schema" : look(structured)

export const all =
  (...checks) =>
  (after) =>
    checks.map((check) => check(after)).find((problem) => problem !== undefined)

/** What was there before is there still, unchanged. */
export const untouched = (files) => all(...Object.entries(files).map(([name, text]) => fileIs(name, text)))

/** Lines of a memory file. */
export const entity = (name, entityType, ...observations) =>
  JSON.stringify({ type: "entity", name, entityType, observations })
export const relation = (from, relationType, to) => JSON.stringify({ type: "relation", from, to, relationType })
