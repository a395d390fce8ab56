/**
 * An MCP server that is in no mcp.json: whoever asks for a run says how to reach it. It goes into journals and events, so
 * it holds no secrets; it names them, and they are read when the server is connected.
 */
import * as Context from "effect/Context"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import * as Secrets from "../redaction/Secrets.ts"

const noSecret = "must name its secret, as in ${NAME}, and not hold it"

const Variables = Schema.Record({ key: Schema.String, value: Schema.String }).pipe(
  Schema.filter((texts) =>
    Object.entries(texts).flatMap(([name, text]) =>
      Secrets.inVariable(name, text).some(({ sure }) => sure) ? [{ path: [name], message: noSecret }] : []
    )
  )
)

const Arguments = Schema.Array(Schema.String).pipe(
  Schema.filter((args) =>
    Secrets.inArguments(args).flatMap((found, index) =>
      found.some(({ sure }) => sure) ? [{ path: [index], message: noSecret }] : []
    )
  )
)

const Url = Schema.String.pipe(
  Schema.filter((url) =>
    /^[a-z]+:\/\/[^/?#]*@/i.test(url)
      ? "must not hold a user or password; use headers"
      : Secrets.inText(url).length === 0 || noSecret
  )
)

const common = {
  /** What its tools are named after; unique in a run. */
  name: Schema.NonEmptyTrimmedString,
  /** Only these of its tools. */
  allowedTools: optional(Schema.Array(Schema.String)),
  excludedTools: optional(Schema.Array(Schema.String)),
  /** Milliseconds that it may take to start and answer, where the configured limit is too short for it. */
  startMillis: optional(Schema.Number.pipe(Schema.positive()))
}

/**
 * All texts may refer to `${VARIABLE}`s as an mcp.json may. Two definitions that say the same share one connection. A
 * value whose name sounds secret (token, key, password) has to be such a reference.
 */
export const DefinedServer = Schema.Union(
  Schema.Struct({
    ...common,
    command: Schema.NonEmptyTrimmedString,
    args: optional(Arguments),
    env: optional(Variables),
    cwd: optional(Schema.String)
  }),
  Schema.Struct({ ...common, url: Url, headers: optional(Variables) })
)
export type DefinedServer = typeof DefinedServer.Type

/**
 * Values for the `${VARIABLE}`s of defined servers that come before those of the environment: a token that a caller has
 * handed over for one run. They are kept nowhere, so a run that is resumed needs them again.
 */
export class CurrentSecrets extends Context.Reference<CurrentSecrets>()("@lms-bridge/core/mcp/CurrentSecrets", {
  defaultValue: (): Readonly<Record<string, Redacted.Redacted>> => ({})
}) {}

/** What stands where a server of a file has its path. */
export const source = "given with the task"
