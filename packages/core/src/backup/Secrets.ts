/** Files without what is secret in them. Pure. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { table, type Setting } from "../configuration/Settings.ts"
import * as SettingsText from "../configuration/SettingsText.ts"
import type { Kind } from "./Archive.ts"

export interface Bared {
  readonly text: string
  /** What was left out, if anything. */
  readonly without: string | undefined
}

/** Undefined for a file that is nothing without its secrets, or that cannot be read to take them out. */
export const bared = (kind: Kind, text: string): Bared | undefined => {
  switch (kind) {
    case "mcp":
      return undefined
    case "logins":
      return login(text)
    case "settings":
      return settings(text)
    default:
      return { text, without: undefined }
  }
}

/** Whether a login has tokens, which one without must not replace. */
export const hasTokens = (text: string): boolean =>
  Either.match(decodeLogin(text), { onLeft: () => false, onRight: (found) => found["tokens"] !== undefined })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const AnyObject = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const Json = Schema.parseJson(AnyObject, { space: 2 })
const decodeLogin = Schema.decodeEither(Json)
const encodeLogin = Schema.encodeSync(Json)
const isObject = Schema.is(AnyObject)

/** An address may have a key in it; such a login is named by it, and cannot be kept without. */
const login = (text: string): Bared | undefined => {
  const found = Either.getOrUndefined(decodeLogin(text))
  if (found === undefined || typeof found["url"] !== "string" || !URL.canParse(found["url"])) return undefined
  const { password, search, username } = new URL(found["url"])
  if (search !== "" || username !== "" || password !== "") return undefined
  const { client, tokens: _tokens, ...rest } = found
  const { secret: _secret, ...publicClient } = isObject(client) ? client : {}
  return {
    text: encodeLogin({ ...rest, ...(isObject(client) ? { client: publicClient } : {}) }),
    without: "tokens"
  }
}

const settings = (text: string): Bared | undefined => {
  const secret = Object.entries<Setting<unknown>>(table).flatMap(([key, one]) => (one.secret === true ? [key] : []))
  let left = text
  for (const key of secret) {
    const next = SettingsText.withoutValue(left, key)
    if (Either.isLeft(next)) return undefined
    left = next.right
  }
  return { text: left, without: left === text ? undefined : "secret settings" }
}
