/**
 * An MCP server that is in no mcp.json: the caller of a run describes how to reach it. The description is written into
 * journals and events, so it contains no secrets; it names them, and they are read when the server is connected.
 */
import * as Context from "effect/Context"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import * as Secrets from "../redaction/Secrets.ts"

const noSecret = "must refer to its secret, as in ${NAME}, and not contain it"

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
      ? "must not contain a user or password; use headers"
      : Secrets.inText(url).length === 0 || noSecret
  )
)

const common = {
  /** The prefix of its tools' names; unique within a run. */
  name: Schema.NonEmptyTrimmedString,
  /** Only these tools are offered. */
  allowedTools: optional(Schema.Array(Schema.String)),
  excludedTools: optional(Schema.Array(Schema.String)),
  /** Milliseconds that it may take to start and answer, if the configured limit is too short for it. */
  startMillis: optional(Schema.Number.pipe(Schema.positive()))
}

/**
 * All strings may refer to `${VARIABLE}`s as in an mcp.json. Equal definitions share one connection. A value whose name
 * suggests a secret (token, key, password) has to be such a reference.
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
 * Values for the `${VARIABLE}`s of defined servers, which take precedence over the environment: for example a token
 * that a caller passes for one run. They are never stored, so a resumed run needs them again.
 */
export class CurrentSecrets extends Context.Reference<CurrentSecrets>()("@lms-bridge/core/mcp/CurrentSecrets", {
  defaultValue: (): Readonly<Record<string, Redacted.Redacted>> => ({})
}) {}

/** Shown in place of a file's path. */
export const source = "given with the task"
