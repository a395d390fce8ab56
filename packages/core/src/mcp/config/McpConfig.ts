/** Parses an mcp.json, entry by entry; a bad entry does not affect the others. Pure. */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as DurationText from "../../configuration/DurationText.ts"
import { present } from "../../schema/Fields.ts"
import * as ConfigNode from "../dialects/ConfigNode.ts"
import * as EntryWords from "../dialects/EntryWords.ts"
import * as ServerSections from "../dialects/ServerSections.ts"
import type { InputSpec } from "./ConfigVariables.ts"
import * as JsoncText from "../../json/JsoncText.ts"
import { McpConfigInvalid } from "../McpError.ts"
import { nearest } from "../../names/nearest.ts"

/** Never the default messages: they repeat the value, which may be a secret. */
const must = (what: string) => ({ message: () => ({ message: `must be ${what}`, override: true }) })

/** For a list or an object itself; problems inside it get a message of their own. */
const mustBe = (what: string) => ({ message: () => `must be ${what}` })

const Text = Schema.String.annotations(must("a string"))

/** Ports and switches are often written without quotes. */
const Scalar = Schema.transform(Schema.Union(Schema.String, Schema.Number, Schema.Boolean), Schema.String, {
  strict: true,
  decode: String,
  encode: (text) => text
}).annotations(must("a string, a number, true or false"))

const Texts = Schema.Array(Scalar).annotations(mustBe("a list of strings"))

/** `null` means "not set"; some hosts write it. */
const Variables = Schema.Record({
  key: Schema.String,
  value: Schema.NullOr(Scalar).annotations(must("a string, a number, true or false"))
}).annotations(mustBe("an object of names and strings"))

const nullable = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { nullable: true })

/** A list, or one string with spaces, as in the protocol itself. */
const Scopes = Schema.Union(Schema.String, Schema.Array(Schema.String)).annotations(
  must("a string or a list of strings")
)

/** The client data of a user whose login service has no dynamic registration. */
const OAuth = Schema.Struct({
  clientId: nullable(Text),
  clientSecret: nullable(Text),
  scope: nullable(Scopes),
  scopes: nullable(Scopes),
  callbackPort: nullable(Schema.Int.pipe(Schema.between(1, 65_535)).annotations(must("a port, 1 to 65535"))),
  callbackHost: nullable(Schema.Literal("127.0.0.1", "localhost").annotations(must("`127.0.0.1` or `localhost`"))),
  grantType: nullable(
    Schema.Literal("authorization_code", "client_credentials").annotations(
      must("`authorization_code` or `client_credentials`")
    )
  )
}).annotations(mustBe("an object"))

/** The same in Cursor's format. */
const Auth = Schema.Struct({
  CLIENT_ID: nullable(Text),
  CLIENT_SECRET: nullable(Text),
  scopes: nullable(Scopes)
}).annotations(mustBe("an object"))

/** Hosts disagree on the unit. Nobody means a limit under one second, so small numbers are seconds. */
const Limit = Schema.transformOrFail(Schema.Union(Schema.Number, Schema.String), Schema.DurationFromSelf, {
  strict: true,
  decode: (value, _, ast) => {
    const duration =
      typeof value === "number"
        ? Duration.millis(value < 1000 ? value * 1000 : value)
        : Option.getOrElse(DurationText.read(value), () => Duration.zero)
    return Duration.greaterThan(duration, Duration.zero) && Duration.isFinite(duration)
      ? Either.right(duration)
      : Either.left(new ParseResult.Type(ast, value))
  },
  encode: (duration) => Either.right(Duration.toMillis(duration))
}).annotations(must("milliseconds, or a duration such as `90s`"))

/**
 * One entry of `mcpServers` with our keys, variables unexpanded. `timeout` is the longest silence in a call,
 * `startTimeout` the longest wait for the first answer; a plain number is milliseconds, or seconds if it is below 1000.
 * The keys of other programs have been translated before; unknown keys are ignored, because hosts add their own.
 */
export const EntrySettings = Schema.Struct({
  command: nullable(Text),
  args: nullable(Texts),
  env: nullable(Variables),
  envFile: nullable(Text),
  cwd: nullable(Text),
  url: nullable(Text),
  type: nullable(Text),
  headers: nullable(Variables),
  /** Hosts also write `true` for automatic discovery, which is the default here. */
  oauth: nullable(Schema.Union(Schema.Boolean, OAuth)),
  auth: nullable(Schema.Union(Schema.String, Auth)),
  disabled: nullable(Schema.Boolean.annotations(must("true or false"))),
  /** The opposite of `disabled`; some hosts write it. */
  enabled: nullable(Schema.Boolean.annotations(must("true or false"))),
  timeout: nullable(Limit),
  startTimeout: nullable(Limit),
  /** In whose words the server is asked first. */
  protocolVersion: nullable(
    Schema.String.pipe(Schema.pattern(/^20\d\d-\d\d-\d\d$/)).annotations(
      must("a revision of MCP, such as `2026-07-28`")
    )
  ),
  allowedTools: nullable(Texts),
  excludedTools: nullable(Texts)
})
export type EntrySettings = typeof EntrySettings.Type

/** Why an entry cannot be used, and the line to look at. */
export interface EntryProblem {
  readonly reason: "Invalid" | "MissingVariable"
  readonly line: number | undefined
  readonly detail: string
}

export interface ConfigEntry {
  readonly name: string
  /** The file it was read from. */
  readonly source: string
  /** 1-based line of the entry's name; undefined for an entry that is not in a file. */
  readonly line: number | undefined
  readonly settings: Either.Either<EntrySettings, EntryProblem>
  /** The `inputs` of its file, for which VS Code asks the user. */
  readonly inputs?: ReadonlyMap<string, InputSpec> | undefined
  /** The program in whose format it is written. */
  readonly dialect?: EntryWords.Dialect
  /** The key that switches it off, as its file spells it. */
  readonly off?: string | undefined
  /** The keys that say which of its tools may be used, as its file spells them. */
  readonly toolKeys?: ReadonlyArray<string> | undefined
  /** Earlier entries with its name in the same file, which are not used because the last one counts. */
  readonly earlier?: ReadonlyArray<ConfigEntry> | undefined
}

export interface ParseOptions {
  /** For files in which a program also stores other settings. */
  readonly mayHaveNone?: boolean | undefined
  /** The working folder: Claude Code stores servers by folder. */
  readonly folder?: string | undefined
}

/** The entries of a file, and what in it is not used, in sentences. */
export interface Parsed {
  readonly entries: ReadonlyArray<ConfigEntry>
  readonly notes: ReadonlyArray<string>
}

/**
 * Parses a configuration file in JSON, with comments and trailing commas. Fails only if the file as a whole cannot be
 * used.
 */
export const parse = (
  path: string,
  text: string,
  options: ParseOptions = {}
): Either.Either<ReadonlyArray<ConfigEntry>, McpConfigInvalid> =>
  Either.map(
    Either.flatMap(parseJson(path, JsoncText.withoutMark(text)), (root) => read(path, root, options)),
    ({ entries }) => entries
  )

export const parseJson = (path: string, text: string): Either.Either<ConfigNode.ConfigNode, McpConfigInvalid> =>
  Either.mapBoth(JsoncText.parse(text), {
    onLeft: (problem) => new McpConfigInvalid({ path, reason: "NotJson", ...problem }),
    onRight: (root) => ConfigNode.ofJson(root, JsoncText.linesIn(text))
  })

/** The servers in a file, wherever its program stores them. */
export const read = (
  path: string,
  root: ConfigNode.ConfigNode,
  { folder, mayHaveNone = false }: ParseOptions = {}
): Either.Either<Parsed, McpConfigInvalid> =>
  Either.mapBoth(ServerSections.sectionsOf(root, { folder, mayHaveNone }), {
    onLeft: (problem) => new McpConfigInvalid({ path, reason: "NoServers", ...problem }),
    onRight: ({ found, inputs, notes }) => {
      const asked = inputsIn(inputs)
      // of two entries with one name the later counts, wherever in the file they are
      const entries = new Map<string, ConfigEntry>()
      const meant = new Set(found.flatMap(({ closer, name }) => (closer === true ? [name] : [])))
      for (const one of found) {
        const before = entries.get(one.name)
        const entry = entryOf(path, one, asked)
        entries.set(
          one.name,
          before === undefined ? entry : { ...entry, earlier: [...(before.earlier ?? []), { ...before, earlier: [] }] }
        )
      }
      return {
        entries: [...entries.values()],
        notes: [...notes, ...[...entries.values()].filter(({ name }) => !meant.has(name)).flatMap(twice)]
      }
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** An input that is not in VS Code's format is ignored. */
const decodeInput = Schema.decodeUnknownOption(
  Schema.Struct({ id: Text, description: nullable(Text), default: nullable(Scalar) })
)

const inputsIn = (node: ConfigNode.ConfigNode | undefined): ReadonlyMap<string, InputSpec> =>
  new Map(
    (node?.items ?? []).flatMap(({ value }) =>
      Option.toArray(decodeInput(value)).map(({ id, ...input }) => [id, input] as const)
    )
  )

const decodeSettings = Schema.decodeUnknownEither(EntrySettings)

const entryOf = (
  source: string,
  { dialect: said, excluded = [], line, name, node, off }: ServerSections.Found,
  inputs: ReadonlyMap<string, InputSpec>
): ConfigEntry => {
  const dialect = said ?? EntryWords.dialectOf(source)
  const common = { name, source, line, inputs, dialect }
  const invalid = (at: number, detail: string): ConfigEntry => ({
    ...common,
    settings: Either.left({ reason: "Invalid", line: at, detail })
  })
  if (node.kind !== "object") return invalid(node.line, "The entry must be an object.")
  const raw = node.value as Readonly<Record<string, unknown>>
  const { entry, keys, refused, toolKeys, written } = EntryWords.translate(raw, dialect)
  const lineOf = (path: ReadonlyArray<string | number>) => ConfigNode.at(node, path)?.line ?? line
  const decoded = decodeSettings(entry)
  if (Either.isLeft(decoded)) {
    const issues = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)
    // of the alternatives of a union, the issue that says what is expected
    const issue = issues.find(({ message }) => message.startsWith("must be ")) ?? issues[0]
    const [first, ...rest] = issue?.path.filter((key) => typeof key !== "symbol") ?? []
    const path = first === undefined ? [] : [written.get(String(first)) ?? String(first), ...rest]
    const says = issue?.message.startsWith("must be ") === true ? issue.message : "is not as expected"
    return invalid(lineOf(path), `${shownPath(path)} ${says}.`)
  }
  if (refused !== undefined) return invalid(lineOf(refused.path), refused.detail)
  const settings = decoded.right
  if (
    settings.command === undefined &&
    settings.url === undefined &&
    (settings.disabled ?? !(settings.enabled ?? true)) === false
  ) {
    if (off === undefined) return invalid(line, neither(keys, dialect))
  }
  const switched = settings.disabled === true ? "disabled" : settings.enabled === false ? "enabled" : undefined
  const key = off ?? (switched === undefined ? undefined : written.get(switched))
  const patterns = [...(settings.excludedTools ?? []), ...excluded]
  return {
    ...common,
    settings: Either.right({
      ...settings,
      ...(off === undefined ? {} : { disabled: true }),
      ...(patterns.length === 0 ? {} : { excludedTools: patterns })
    }),
    ...present({ off: key }),
    toolKeys: [
      ...toolKeys.map((one) => JSON.stringify(one)),
      ...(excluded.length === 0 ? [] : ["an exclusion outside its servers"])
    ]
  }
}

/** There is nothing to start and nothing to connect to; perhaps a key is a misspelling of ours. */
const neither = (keys: ReadonlyArray<string>, dialect: EntryWords.Dialect) => {
  if (dialect === "Zed" && keys.some((key) => key === "source" || key === "settings")) {
    return `It is an extension of Zed, which only Zed can start. Set "command" to the command of its server.`
  }
  const [meant, instead] = keys.flatMap((key) => {
    const word = key.trim().toLowerCase()
    const [near] = word === "command" || word === "url" ? [] : nearest(word, ["command", "url"])
    return near === undefined ? [] : [[key, near] as const]
  })[0] ?? [undefined, undefined]
  const hint = meant === undefined ? "" : ` Did you mean "${instead}" by ${JSON.stringify(meant)}?`
  return `It has neither a "command" to start nor a "url" to connect to.${hint}`
}

const twice = ({ earlier = [], line, name }: ConfigEntry): ReadonlyArray<string> => {
  const lines = [...earlier, { line }].flatMap((one) => one.line ?? [])
  return earlier.length === 0
    ? []
    : [
        `"${name}" occurs ${lines.length === 2 ? "twice" : `${lines.length} times`}, in lines ${lines.slice(0, -1).join(", ")} and ${lines.at(-1)}. The last one is used; remove the others.`
      ]
}

const shownPath = (path: ReadonlyArray<string | number>) =>
  path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join("")
    .replace(/^(.*)$/, '"$1"')
