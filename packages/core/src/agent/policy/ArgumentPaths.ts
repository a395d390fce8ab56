/**
 * Paths in the arguments of a call, as whoever opens them will understand them: `..` and `.` gone, `file:` URLs and
 * percent-encoding read, either separator, `~` and `$HOME` known. Pure; links cannot be followed here.
 */
import * as Predicate from "effect/Predicate"
import { isSecretPlace } from "../../machine/SecretPlaces.ts"

/** The texts of arguments, also of their names, however deep they lie. */
export const textsIn = (args: unknown): ReadonlyArray<string> => {
  const texts: Array<string> = []
  // by hand, because arguments may be nested deeper than the stack
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

/** A text that is plainly an absolute path on one line, or leaves where it starts; undefined for any other. */
export const pathIn = (text: string): string | undefined => {
  const written = (text.split("\0", 1)[0] ?? "").trim()
  if (written === "" || written.length > longest || /[\n\r]/.test(written) || /^\/\/(?!\?)/.test(written))
    return undefined
  const read = decoded(written)
  const place = /^file:/i.test(read) ? read.replace(/^file:(?:\/\/(?:localhost)?(?=\/|[A-Za-z]:))?/i, "") : read
  const slashed = place.replaceAll("\\", "/").replace(/^\/(?=[A-Za-z]:\/)/, "")
  const homely = slashed.replace(/^(?:\$HOME|\$\{HOME\}|%USERPROFILE%|%HOME%)(?=\/|$)/i, "~")
  if (/^(?:\/|~[\w.-]*(?:\/|$)|[A-Za-z]:(?:\/|$))/.test(homely)) return normal(homely)
  // beneath the folder where it starts there is nothing outside
  return relative.test(homely) || homely.split("/").includes("..") || homely.startsWith("./")
    ? normal(homely)
    : undefined
}

/** The first text that is a path outside of the folders; undefined when there is none, or when there are no folders. */
export const outsideOf = (texts: ReadonlyArray<string>, folders: ReadonlyArray<string>): string | undefined => {
  if (folders.length === 0) return undefined
  const inner = folders.map((folder) => normal(folder.replaceAll("\\", "/")))
  return texts.find((text) => {
    const path = pathIn(text)
    if (path === undefined) return false
    if (!isAbsolute(path)) return path === ".." || path.startsWith("../")
    // `/C:/x` and `C:/x` are one place, and so is whatever differs in capitals on half of all machines
    return !inner.some((folder) => isWithin(folder, path))
  })
}

/** The first text that is a path of a place where keys and passwords are kept. */
export const secretIn = (texts: ReadonlyArray<string>): string | undefined =>
  texts.find((text) => {
    const path = pathIn(text)
    return path !== undefined && isSecretPlace(path)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names of any language, and a few words where a slash says that they are no sentence. */
const relative = /^[\p{L}\p{N}_.@(-](?:[^\s:*?"<>|]*|[^\s:*?"<>|]*(?: [^\s:*?"<>|]+){1,3}(?<=\/\S*))$/u

/** Longer ones are texts. */
const longest = 4096

const isAbsolute = (path: string) => /^(?:\/|~|[A-Za-z]:)/.test(path)

const isWithin = (folder: string, path: string) =>
  path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`)

/** Twice, because whoever opens it may do so as well; what cannot be decoded stays. */
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
    // above a root there is the root; above where a relative path starts there is its parent
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop()
    else if (root === "" || root.startsWith("~")) parts.push(part)
  }
  const rest = parts.join("/")
  return root === "/" ? `/${rest}` : root === "" ? rest : rest === "" ? root : `${root}/${rest}`
}
