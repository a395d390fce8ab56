/** Offered tools that a model may mean by a name that nobody offers: `rename_file` for `move_file`, `write` for `write_file`. */
import { nearest } from "../../names/nearest.ts"

/**
 * At most three: those that differ by a slip of the pen or contain the name, else those with a synonymous verb and a word in
 * common, else those with a similar name.
 */
export const nearTools = (name: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const slips = nearest(name, names, 1)
  if (slips.length > 0) return slips
  const wanted = wordsOf(name)
  const synonymous = names.filter((other) => {
    const { nouns, verbs } = wordsOf(other)
    return verbs.some((verb) => wanted.verbs.includes(verb)) && nouns.some((noun) => wanted.nouns.includes(noun))
  })
  return synonymous.length > 0 ? synonymous.slice(0, 3) : nearest(name, names)
}

/** The one that can only be meant: with a synonymous verb and otherwise the same words, or a slip of the pen away. */
export const onlyMeant = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const wanted = wordsOf(name)
  const meant = names.filter((other) => {
    const { nouns, verbs } = wordsOf(other)
    const sameVerb = verbs.join() === wanted.verbs.join()
    return sameVerb && verbs.length > 0 && isSlip(wanted.nouns.join("_"), nouns.join("_"))
  })
  return meant.length === 1 ? meant[0] : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isSlip = (a: string, b: string) =>
  a === b || (Math.abs(a.length - b.length) <= 1 && Math.min(a.length, b.length) >= 4 && nearest(a, [b], 1).length > 0)

/** Verbs by the first of those that mean the same, and the other words. */
const wordsOf = (name: string) => {
  const verbs: Array<string> = []
  const nouns: Array<string> = []
  for (const word of words(name)) {
    const verb = sameVerbs.find((same) => same.includes(word))?.[0]
    if (verb === undefined) nouns.push(word)
    else verbs.push(verb)
  }
  return { verbs, nouns }
}

const words = (name: string): ReadonlyArray<string> =>
  name
    .slice(0, 100)
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "")

const sameVerbs: ReadonlyArray<ReadonlyArray<string>> = [
  ["move", "rename", "mv"],
  ["delete", "remove", "rm", "erase", "unlink"],
  ["read", "open", "cat", "get", "view", "show", "load", "fetch", "download"],
  ["write", "create", "save", "make", "new", "put", "add"],
  ["edit", "change", "update", "modify", "patch", "replace", "set"],
  ["list", "ls", "dir", "enumerate"],
  ["search", "find", "query", "lookup", "grep"],
  ["run", "execute", "exec", "call"]
]
