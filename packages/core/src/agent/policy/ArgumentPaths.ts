/**
 * Paths in the arguments of a call, as the tool will understand them: `..` and `.` resolved, `file:` URLs and
 * percent-encoding decoded, both separators, `~` and `$HOME` recognised. Pure, so links are not followed.
 */
import * as Predicate from "effect/Predicate"
import { isSecretPlace } from "../../machine/SecretPlaces.ts"

/** All strings in the arguments, however deep, including names that may be paths. */
export const textsIn = (args: unknown): ReadonlyArray<string> => {
  const texts: Array<string> = []
  // not recursive, because arguments may be nested deeper than the stack
  const left: Array<unknown> = [args]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === "string") texts.push(value)
    else if (Array.isArray(value)) for (let index = value.length - 1; index >= 0; index -= 1) left.push(value[index])
    else if (Predicate.isRecord(value)) {
      for (const [key, part] of Object.entries(value).toReversed()) {
        left.push(part)
        if (/[\\/~]/.test(key)) left.push(key)
      }
    }
  }
  return texts
}

/** The normalised path in a text that is clearly a path on one line; undefined for any other text. */
export const pathIn = (text: string): string | undefined => {
  const written = (text.split("\0", 1)[0] ?? "").trim()
  if (written === "" || written.length > longest || /[\n\r]/.test(written) || /^\/\/(?!\?)/.test(written))
    return undefined
  const read = decoded(written)
  const place = /^file:/i.test(read) ? read.replace(/^file:(?:\/\/(?:localhost)?(?=\/|[A-Za-z]:))?/i, "") : read
  const slashed = place.replaceAll("\\", "/").replace(/^\/(?=[A-Za-z]:\/)/, "")
  const homely = slashed.replace(/^(?:\$HOME|\$\{HOME\}|%USERPROFILE%|%HOME%)(?=\/|$)/i, "~")
  if (/^(?:\/|~[\w.-]*(?:\/|$)|[A-Za-z]:(?:\/|$))/.test(homely)) return normal(homely)
  // a relative path without `..` stays inside its folder
  return relative.test(homely) || homely.split("/").includes("..") || homely.startsWith("./")
    ? normal(homely)
    : undefined
}

/** The first text that is a path outside the folders; undefined when there is none, or when there are no folders. */
export const outsideOf = (texts: ReadonlyArray<string>, folders: ReadonlyArray<string>): string | undefined => {
  if (folders.length === 0) return undefined
  const inner = folders.map((folder) => normal(folder.replaceAll("\\", "/")))
  return texts.find((text) => {
    const path = pathIn(text)
    if (path === undefined) return false
    if (!isAbsolute(path)) return path === ".." || path.startsWith("../")
    // exact comparison: the case of letters matters on some machines
    return !inner.some((folder) => isWithin(folder, path))
  })
}

/** The first text that is a path where keys and passwords are stored. */
export const secretIn = (texts: ReadonlyArray<string>): string | undefined =>
  texts.find((text) => {
    const path = pathIn(text)
    return path !== undefined && isSecretPlace(path)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names in any language, with a few spaces where a slash shows that they are not a sentence. */
const relative = /^[\p{L}\p{N}_.@(-](?:[^\s:*?"<>|]*|[^\s:*?"<>|]*(?: [^\s:*?"<>|]+){1,3}(?<=\/\S*))$/u

/** A longer text is not a path. */
const longest = 4096

const isAbsolute = (path: string) => /^(?:\/|~|[A-Za-z]:)/.test(path)

const isWithin = (folder: string, path: string) =>
  path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`)

/** Decodes twice, because the tool may do so as well; what cannot be decoded stays. */
const decoded = (text: string): string => {
  let now = text
  for (let round = 0; round < 2 && /%[\da-f]{2}/i.test(now); round += 1) {
    try {
      now = decodeURIComponent(now)
    } catch {
      return now.replaceAll(/%2e/gi, ".").replaceAll(/%2f/gi, "/").replaceAll(/%5c/gi, "\\")
    }
  }
  return now
}

const normal = (path: string): string => {
  const root = /^(?:\/|~[^/]*|[A-Za-z]:)/.exec(path)?.[0] ?? ""
  const parts: Array<string> = []
  for (const part of path.slice(root.length).split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    // the parent of a root is the root; a relative path can lead above its start
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop()
    else if (root === "" || root.startsWith("~")) parts.push(part)
  }
  const rest = parts.join("/")
  return root === "/" ? `/${rest}` : root === "" ? rest : rest === "" ? root : `${root}/${rest}`
}
