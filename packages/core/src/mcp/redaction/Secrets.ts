/**
 * Which parts of an entry's texts are secrets, wherever they occur. Pure. Texts that are clearly public (paths, flags,
 * packages, hosts, numbers, words) are not secrets.
 */
import * as Encoding from "effect/Encoding"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import { isMixed, isPlain, namesSecret, notPlain, shortest, tokens } from "./KnownTokens.ts"

/** A part of a text. `sure`: its place or format says that it is a secret; otherwise it only looks like one. */
export interface Secret {
  readonly text: string
  readonly sure: boolean
}

/**
 * Secrets in any text: user and password of a URL, parts of its path and query, `name=value` and `name: value` with the
 * name of a secret, tokens.
 */
export const inText = (text: string): ReadonlyArray<Secret> => {
  const found: Array<Secret> = []
  const rest = text
    .replaceAll(reference, " ")
    .replaceAll(privateKey, (_, key: string) => {
      found.push(
        ...key.split(/\s+|\\n/).flatMap((line) => (line.length < shortest ? [] : [{ text: line, sure: true }]))
      )
      return " "
    })
    .replaceAll(urls, (url) => {
      found.push(...inUrl(url))
      return " "
    })
  const json = /^\s*[[{]/.test(text) ? parseJson(text) : undefined
  if (json !== undefined) return [...found, ...inJson(json, "")]
  for (const [, name = "", value = ""] of rest.matchAll(pairs)) {
    if (namesSecret(name)) found.push(...(/\s/.test(value) ? inHeaderValue(name, value) : ofNamed(value)))
  }
  for (const [, value = ""] of rest.matchAll(cookies)) found.push(...inCookie(value))
  for (const [, password = ""] of rest.matchAll(beforeHost)) found.push(...ofNamed(password))
  for (const [token] of rest.matchAll(tokens)) found.push({ text: token, sure: true })
  for (const [word] of rest.matchAll(words)) {
    for (const part of word.split("=").flatMap(notPlain)) found.push({ text: part, sure: isDrawn(part) })
  }
  return found
}

/** Secrets in arguments, which may be named by the option before them or in them. */
export const inArguments = (args: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<Secret>> =>
  args.map((arg, index) => {
    const option = args[index - 1] ?? ""
    if (headerOption.test(option)) return inHeader(arg)
    const own = /^(--?[\w.-]+)=(.*)$/s.exec(arg)
    if (own !== null && headerOption.test(own[1] ?? "")) return inHeader(own[2] ?? "")
    const variable = /^([A-Z_][A-Z\d_]*)=(.*)$/s.exec(arg)
    if (variable !== null) return inVariable(variable[1] ?? "", variable[2] ?? "")
    const names = /^--?[\w.-]+$/.test(option) && !arg.startsWith("-") && namesSecret(option)
    if (names) return ofNamed(arg)
    const isValue = !arg.startsWith("-")
    // the password of mysql and of many others, but also a port, a project or a package
    if (/^-[pP]$/.test(option) && isValue && !isPackage(arg) && !/^[\d.:/-]+(?:tcp|udp)?$/.test(arg)) {
      return [...ofNamed(arg, false), ...inText(arg).map(surely)]
    }
    // curl's format
    if (/^(?:-[uU]|--user)$/.test(option) && /^[^/:]+:[^/]/.test(arg)) return ofNamed(arg.slice(arg.indexOf(":") + 1))
    // mysql's format for a password, and a common format for a user with a password
    const [, grown = ""] = /^(?:-p|[\w.-]{1,80}:)([^\s:/@]+)$/.exec(arg) ?? []
    const found = isMixed(grown) ? [...ofPart(grown), ...inText(arg)] : inText(arg)
    if (/^-[kK]$/.test(option) && isValue) return [...found.map(surely), ...ofNamed(arg, false)]
    return namesId(option) ? found.map(perhaps) : found
  })

/** Secrets in an environment variable. */
export const inVariable = (name: string, value: string): ReadonlyArray<Secret> => {
  if (namesSecret(name)) {
    return /^(?:bearer|basic|token) /i.test(value) ? inHeaderValue(name, value) : [...ofNamed(value), ...inText(value)]
  }
  const alone = value.length >= shortest && !/[\\/\s]/.test(value) && !isPlainValue(value)
  const found = namesId(name) ? inText(value).map(perhaps) : inText(value)
  return alone ? [{ text: value, sure: false }, ...found] : found
}

/** Secrets in any HTTP header except those that only negotiate. */
export const inHeaderValue = (name: string, value: string): ReadonlyArray<Secret> => {
  if (/^(?:accept|accept-.*|content-type|user-agent|cache-control|connection|host|origin|referer)$/i.test(name.trim()))
    return inText(value)
  if (/^cookie$/i.test(name.trim())) return [...ofNamed(value), ...inCookie(value)]
  const [, scheme, credentials] = /^(\w+) +(.+)$/s.exec(value) ?? []
  if (scheme === undefined || credentials === undefined) return [...ofNamed(value), ...inText(value)]
  return [...ofNamed(credentials), ...(/^basic$/i.test(scheme) ? inBasic(credentials) : inText(credentials))]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const surely = ({ text }: Secret): Secret => ({ text, sure: true })
const perhaps = ({ text }: Secret): Secret => ({ text, sure: false })

/** A model must be able to use the things that an id names. */
const namesId = (name: string) => /(?:^|[^A-Za-z])ids?$/i.test(name) || /[a-z]Ids?$/.test(name)

/** Long, with unordered upper-case letters, lower-case letters and digits: randomly generated. */
const isDrawn = (part: string) => part.length >= 20 && !/[./\\]/.test(part) && isMixed(part)

const reference = /\$\{[^${}]*\}/g

const urls = /\b[A-Za-z][A-Za-z\d+.-]{0,30}:\/\/[^\s"'<>`]+/g

const pairs =
  /([A-Za-z][\w.-]{0,80})["']?\s{0,3}[=:]\s{0,3}["']?((?:(?:[Bb]earer|[Bb]asic|[Tt]oken) {1,3})?[^\s"';&,]+)/g

const privateKey = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----([^-]*)/g

/** `user:password@host` without a scheme before it. */
const beforeHost =
  /(?:^|\s)[\w.+-]+:([^\s@/]+)@(?=(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})(?:[:/?\s]|$))/g

/** The characters of a token. A path or a package is a word too, and judged as such. */
const words = /[A-Za-z\d_.~@/\\+%=-]{8,}/g

const cookies = /\bcookie["']?\s{0,3}:\s{0,3}["']?([^\r\n"']+)/gi

const inCookie = (value: string): ReadonlyArray<Secret> =>
  value.split(";").flatMap((pair) => ofPart(pair.slice(pair.indexOf("=") + 1).trim()))

const headerOption = /^(?:-H|--?(?:[\w-]+-)?headers?)$/i

/**
 * Short words, versions, dates, hosts, places: values of settings. Stricter than for arguments, most of which are
 * names.
 */
const isPlainValue = (value: string) =>
  /^[A-Za-z._-]+$/.test(value)
    ? value.length <= 12 || /^[a-z\d-]+(?:\.[a-z\d-]+)+$/.test(value)
    : value.split(/[._:@,+-]/).every((part) => /^(?:[A-Za-z]{0,12}|\d{1,5}|[A-Za-z]{1,4}\d{1,2}[A-Za-z]?)$/.test(part))

const isPackage = (arg: string) => /^@?[a-z][\w.-]*(?:\/[\w.-]+)?(?:@[\w.^~-]+)?$/i.test(arg) && /[@/-]/.test(arg)

/** The value of a secret's name is a secret, unless it cannot be: a switch, a number, the path of the secret. */
const ofNamed = (value: string, sure = true): ReadonlyArray<Secret> => {
  const bare = value.trim().replaceAll(reference, "")
  const unsaid = bare === "" || bare.length < 3 || /^(?:true|false|yes|no|on|off|null|none|auto|\d{1,5})$/i.test(bare)
  const isPlace = /^(?:~\/|\.{1,2}\/|\/(?:home|etc|run|var|tmp|opt|usr|Users|mnt|root)\/|[A-Za-z]:\\)/.test(bare)
  return unsaid || isPlace || bare.startsWith("-") ? [] : [{ text: bare, sure }]
}

const inHeader = (written: string): ReadonlyArray<Secret> => {
  const [, name, value] = /^\s*([\w-]+)\s*[:=]\s*(.*)$/s.exec(written) ?? []
  return name === undefined || value === undefined ? inText(written) : inHeaderValue(name, value)
}

const inBasic = (credentials: string): ReadonlyArray<Secret> =>
  Either.match(Encoding.decodeBase64String(credentials.trim()), {
    onLeft: () => [],
    onRight: (pair) => {
      const at = pair.indexOf(":")
      return at < 0 ? ofNamed(pair) : [...ofNamed(pair.slice(at + 1)), ...(at === 0 ? [] : ofUser(pair.slice(0, at)))]
    }
  })

/** Next to a password, a user's name is not a secret unless it looks like one. */
const ofUser = (user: string): ReadonlyArray<Secret> => (isPlain(user) ? [] : [{ text: user, sure: false }])

const inUrl = (url: string): ReadonlyArray<Secret> => {
  const [, authority = "", path = "", query = ""] = /^[^:]+:\/\/([^/?#]*)([^?#]*)(.*)$/s.exec(url) ?? []
  const at = authority.lastIndexOf("@")
  const [user = "", ...password] = at < 0 ? [] : authority.slice(0, at).split(":")
  const secret = password.join(":")
  return [
    ...(secret === "" ? ofNamed(user) : [...ofNamed(secret), ...ofUser(user)]),
    ...path.split(/[/;]/).flatMap(ofPart),
    ...query.split(/[?#&;]/).flatMap((pair) => {
      const [name = "", ...rest] = pair.split("=")
      const value = rest.join("=")
      return value === "" ? ofPart(name) : [...inVariable(name, value), ...(namesId(name) ? [] : ofPart(value))]
    })
  ]
}

/** Whoever knows such a URL has access. */
const ofPart = (part: string): ReadonlyArray<Secret> => (isPlain(decoded(part)) ? [] : [{ text: part, sure: true }])

/** Decodes as far as possible. */
export const decoded = (text: string): string =>
  text.replaceAll(/(?:%[\da-f]{2})+/gi, (encoded) => {
    const bytes = encoded.match(/[\da-f]{2}/gi) ?? []
    return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)))
  })

const inJson = (value: unknown, name: string): ReadonlyArray<Secret> =>
  typeof value === "string"
    ? inVariable(name, value)
    : Array.isArray(value)
      ? value.flatMap((part) => inJson(part, name))
      : Predicate.isRecord(value)
        ? Object.entries(value).flatMap(([key, part]) => inJson(part, key))
        : []
