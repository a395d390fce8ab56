/** Translates an entry from the format of another client into ours. Pure. */
import * as CommandLine from "./CommandLine.ts"
import { brokenPath, isBrokenPath } from "../../json/JsonMistakes.ts"
import * as ToolLists from "./ToolLists.ts"

/** The program whose format an entry is in, if that makes a difference. */
export type Dialect = "Cline" | "Codex" | "Gemini CLI" | "Goose" | "opencode" | "Zed" | undefined

/** The program by the file's path, if the keys do not tell. */
export const dialectOf = (path: string): Dialect =>
  /cline_mcp_settings|[\\/]\.(cline|roo)[\\/]|roo-cline/.test(path)
    ? "Cline"
    : /[\\/]\.(gemini|qwen)[\\/]/.test(path)
      ? "Gemini CLI"
      : undefined

/** What in an entry cannot be used, and the path to it as written. */
export interface Refused {
  readonly path: ReadonlyArray<string | number>
  readonly detail: string
}

export interface Translated {
  /** With our keys. */
  readonly entry: Readonly<Record<string, unknown>>
  /** For each of our keys, how the entry spells it. */
  readonly written: ReadonlyMap<string, string>
  readonly refused: Refused | undefined
  /** The keys that say which tools may be used. */
  readonly toolKeys: ReadonlyArray<string>
  /** All keys of the entry, for the message when there is neither a command nor a URL. */
  readonly keys: ReadonlyArray<string>
}

/**
 * Never fails: what it does not recognise stays for the check of the entry. Keys are matched without surrounding white
 * space, in any case, and with `_` or `-` in them.
 */
export const translate = (raw: Readonly<Record<string, unknown>>, dialect: Dialect): Translated => {
  const entry = new Map<string, unknown>()
  const written = new Map<string, string>()
  const env: Array<readonly [string, unknown]> = []
  const headers: Array<readonly [string, unknown]> = []
  const allowed: Array<ReadonlyArray<string>> = []
  const excluded: Array<string> = []
  const toolKeys: Array<string> = []
  let refused: Refused | undefined
  const refuse = (path: Refused["path"], detail: string) => (refused ??= { path, detail })
  /** The first value wins; our own keys come before others. */
  const put = (ours: string, value: unknown, key: string) => {
    if (entry.has(ours)) return
    entry.set(ours, value)
    written.set(ours, key)
  }

  const keys = Object.keys(raw)
  const flat = keys.flatMap((key): ReadonlyArray<readonly [string, unknown]> => {
    const value = raw[key]
    if (!isObject(value) || !nested.has(normal(key))) return [[key, value]]
    return Object.entries(value).map(([inner, part]) => [
      // Zed's former format: `"command": { "path": "node" }`
      normal(key) === "command" && inner === "path" ? "command" : inner,
      part
    ])
  })
  const ordered = flat.toSorted(([one], [other]) => Number(words.get(other) === other) - Number(words.get(one) === one))
  for (const [key, value] of ordered) {
    if (value === null || value === undefined) continue
    const ours = words.get(normal(key))
    switch (ours) {
      case undefined: {
        const meaning = ToolLists.meaningOf(key, value, { emptyIsAll: dialect === "Goose" })
        if (meaning._tag === "Unknown") {
          refuse(
            [key],
            `${JSON.stringify(key)} looks like a list of tools, but its meaning is unknown. Write "allowedTools" or "excludedTools", each with a list of names.`
          )
        } else if (meaning._tag === "Lists") {
          toolKeys.push(key)
          allowed.push(...meaning.lists.allowed)
          // the server may have had another name when the tool was switched off
          excluded.push(...meaning.lists.excluded, ...meaning.lists.excluded.flatMap(withoutServer))
        }
        break
      }
      case "httpUrl":
        put("url", value, key)
        put("type", "http", key)
        break
      case "sseUrl":
        put("url", value, key)
        put("type", "sse", key)
        break
      case "env":
        if (isObject(value)) env.push(...Object.entries(value))
        else if (isAssignments(value)) env.push(...value.map(assignment))
        else put("env", value, key)
        if (!written.has("env")) written.set("env", key)
        break
      case "envNames":
        // a secret that the program stores elsewhere, or passes on from its own environment
        for (const name of ToolLists.namesIn(value) ?? []) env.push([name, `\${${name}}`])
        break
      case "headers":
        if (isObject(value)) headers.push(...Object.entries(value))
        else put("headers", value, key)
        if (!written.has("headers")) written.set("headers", key)
        break
      case "headerNames":
        if (isObject(value)) {
          for (const [name, variable] of Object.entries(value)) headers.push([name, `\${${String(variable)}}`])
        }
        break
      case "bearerName":
        headers.push(["Authorization", `Bearer \${${String(value)}}`])
        break
      case "bearer":
        headers.push(["Authorization", `Bearer ${String(value)}`])
        break
      case "disabled":
      case "enabled":
        put(ours, asBoolean(value), key)
        break
      case "seconds":
      case "millis":
        put("timeout", inUnit(value, ours === "seconds" ? 1000 : 1), key)
        break
      case "startSeconds":
      case "startMillis":
        put("startTimeout", inUnit(value, ours === "startSeconds" ? 1000 : 1), key)
        break
      case "timeout":
      case "startTimeout": {
        const seconds = inSeconds.has(dialect) || (keys.some((one) => withSeconds.has(normal(one))) && !isLong(value))
        // zero means that there is no own limit
        if (!isNought(value)) put(ours, inUnit(value, seconds ? 1000 : undefined), key)
        break
      }
      default:
        put(ours, value, key)
    }
  }

  for (const ours of ["command", "cwd", "args"] as const) {
    const key = written.get(ours)
    const found = entry.get(ours)
    if (key === undefined) continue
    if (typeof found === "string" && isBrokenPath(found)) refuse([key], `${JSON.stringify(key)} ${brokenPath}`)
    const index = listOf(found).findIndex((one) => typeof one === "string" && isBrokenPath(one))
    if (index >= 0) refuse([key, index], `${JSON.stringify(`${key}[${index}]`)} ${brokenPath}`)
  }

  const command = entry.get("command")
  if (Array.isArray(command)) {
    const [program, ...rest] = command as ReadonlyArray<unknown>
    entry.set("command", program)
    entry.set("args", [...rest, ...listOf(entry.get("args"))])
    written.set("args", written.get("command") ?? "command")
  } else if (typeof command === "string" && !isBrokenPath(command) && CommandLine.isLine(command)) {
    const line = CommandLine.words(command)
    const key = written.get("command") ?? "command"
    if (typeof line === "string") {
      refuse(
        [key],
        line === "NotClosed"
          ? `${JSON.stringify(key)} is a command line with an unclosed quotation mark. Close it.`
          : `${JSON.stringify(key)} is a shell command. Write "command": "sh" and "args": ["-c", "the line"].`
      )
    } else {
      const assigned = line.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word))
      const [program, ...rest] = assigned === -1 ? [] : line.slice(assigned)
      env.unshift(...line.slice(0, Math.max(0, assigned)).map(assignment))
      entry.set("command", program)
      entry.set("args", [...rest, ...listOf(entry.get("args"))])
      if (!written.has("args")) written.set("args", key)
    }
  }
  if (env.length > 0 && !entry.has("env")) entry.set("env", firstOf(env))
  if (headers.length > 0 && !entry.has("headers")) entry.set("headers", firstOf(headers))
  if (allowed.length > 0) entry.set("allowedTools", allowed.reduce(inBoth))
  if (excluded.length > 0) entry.set("excludedTools", excluded)

  return { entry: Object.fromEntries(entry), written, refused, keys, toolKeys }
}

/** Whether an object looks like a server's entry. */
export const looksLikeEntry = (raw: unknown): boolean =>
  isObject(raw) &&
  Object.entries(raw).some(([key, value]) => {
    const ours = words.get(normal(key))
    if (ours === "command") return typeof value === "string" || Array.isArray(value) || isObject(value)
    return (ours === "url" || ours === "httpUrl" || ours === "sseUrl") && typeof value === "string"
  })

/** A name without invisible characters: surrounding blanks, and characters of no width that were pasted with it. */
export const visible = (name: string): string => name.replaceAll(/[\u00AD\u200B-\u200F\u2060\uFEFF]/g, "").trim()

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const normal = (key: string) =>
  key
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]/g, "")

/** Our key for each of theirs, ignoring case, `_` and `-`. */
const words: ReadonlyMap<string, string> = new Map(
  Object.entries({
    command: ["command", "cmd"],
    args: ["args", "arguments"],
    env: ["env", "environment", "envs", "environmentVariables"],
    envNames: ["env_vars", "env_keys", "passEnv"],
    envFile: ["envFile"],
    cwd: ["cwd", "workingDirectory", "workDir"],
    url: ["url", "uri", "serverUrl", "endpoint", "baseUrl"],
    httpUrl: ["httpUrl", "streamableHttpUrl"],
    sseUrl: ["sseUrl"],
    type: ["type", "transport", "transportType"],
    headers: ["headers", "httpHeaders", "requestHeaders", "customHeaders", "extraHeaders"],
    headerNames: ["env_http_headers"],
    bearerName: ["bearer_token_env_var"],
    bearer: ["bearer_token", "authorization_token"],
    oauth: ["oauth"],
    auth: ["auth"],
    disabled: ["disabled", "disable", "isDisabled"],
    enabled: ["enabled", "enable", "isEnabled", "isActive", "active"],
    protocolVersion: ["protocolVersion"],
    timeout: ["timeout", "callTimeout", "toolTimeout", "requestTimeout"],
    seconds: ["tool_timeout_sec", "timeoutSeconds", "timeoutSec"],
    millis: ["tool_timeout_ms", "timeoutMs", "timeoutMillis"],
    startTimeout: ["startTimeout", "startupTimeout", "initTimeout", "connectionTimeout", "connectTimeout"],
    startSeconds: ["startup_timeout_sec"],
    startMillis: ["startup_timeout_ms"]
  }).flatMap(([ours, theirs]) => theirs.map((word) => [normal(word), ours] as const))
)

/** The content of these keys counts as if it were in the entry itself. */
const nested: ReadonlySet<string> = new Set(["requestInit", "requestOptions", "transport", "command"].map(normal))

/** Programs whose plain numbers are seconds. */
const inSeconds: ReadonlySet<Dialect> = new Set<Dialect>(["Cline", "Goose", "Codex"])

/** Keys of clients whose plain numbers are seconds. */
const withSeconds: ReadonlySet<string> = new Set(["autoApprove", "alwaysAllow"].map(normal))

/** More than those clients allow in seconds, so it must be milliseconds. */
const isLong = (value: unknown) => !(Number(value) <= 3600)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isAssignments = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((one) => typeof one === "string" && /^\w+=/.test(one))

const assignment = (text: string) => {
  const [name = ""] = text.split("=", 1)
  return [name, text.slice(name.length + 1)] as const
}

const listOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? (value as ReadonlyArray<unknown>) : []

/** Of several values with one name the first, whatever the name is. */
const firstOf = (pairs: ReadonlyArray<readonly [string, unknown]>): Readonly<Record<string, unknown>> => {
  const found = new Map<string, unknown>()
  for (const [name, value] of pairs) if (!found.has(name)) found.set(name, value)
  return Object.fromEntries(found)
}

const withoutServer = (name: string): ReadonlyArray<string> => {
  const [, tool] = /^mcp__.+?__(.+)$/s.exec(name.trim()) ?? []
  return tool === undefined || tool === "*" ? [] : [tool]
}

const inBoth = (some: ReadonlyArray<string>, others: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...some, ...others].filter(
    (name, index, all) =>
      all.indexOf(name) === index &&
      some.some((pattern) => ToolLists.matches(pattern, name)) &&
      others.some((pattern) => ToolLists.matches(pattern, name))
  )

const asBoolean = (value: unknown): unknown => {
  const text = typeof value === "string" ? value.trim().toLowerCase() : value
  if (text === "true" || text === 1 || text === "1") return true
  return text === "false" || text === 0 || text === "0" ? false : value
}

const isNought = (value: unknown) => value === 0 || (typeof value === "string" && /^0+(\.0+)?$/.test(value.trim()))

/** As a string with its unit; anything but a number stays. */
const inUnit = (value: unknown, millis: number | undefined): unknown => {
  const number = typeof value === "string" && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) && number > 0 && millis !== undefined
    ? `${number * millis} millis`
    : number
}
