/**
 * What an mcp.json says, entry by entry: pure, and one bad entry harms no other.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Jsonc from "jsonc-parser"
import * as JsoncText from "./JsoncText.ts"
import type { InputSpec } from "./ConfigVariables.ts"
import { McpConfigInvalid } from "./McpError.ts"

/** Never the default messages: they repeat the value, which may be a secret. */
const must = (what: string) => ({ message: () => ({ message: `must be ${what}`, override: true }) })

/** Of a list or an object itself; what is wrong within is said more closely. */
const mustBe = (what: string) => ({ message: () => `must be ${what}` })

const Text = Schema.String.annotations(must("a text"))

/** Ports and switches are often written without quotes. */
const Scalar = Schema.transform(Schema.Union(Schema.String, Schema.Number, Schema.Boolean), Schema.String, {
  strict: true,
  decode: String,
  encode: (text) => text
}).annotations(must("a text, a number, true or false"))

const Texts = Schema.Array(Scalar).annotations(mustBe("a list of texts"))

/** `null` stands for "not set", which is how some hosts write it. */
const Variables = Schema.Record({
  key: Schema.String,
  value: Schema.NullOr(Scalar).annotations(must("a text, a number, true or false"))
}).annotations(mustBe("an object of names and texts"))

const nullable = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { nullable: true })

/** A list, or one text with spaces, as in the protocol itself. */
const Scopes = Schema.Union(Schema.String, Schema.Array(Schema.String)).annotations(must("a text or a list of texts"))

/** What a user was given where clients cannot register themselves. */
const OAuth = Schema.Struct({
  clientId: nullable(Text),
  clientSecret: nullable(Text),
  scope: nullable(Scopes),
  scopes: nullable(Scopes),
  callbackPort: nullable(Schema.Int.pipe(Schema.between(1, 65_535)).annotations(must("a port, 1 to 65535"))),
  grantType: nullable(
    Schema.Literal("authorization_code", "client_credentials").annotations(
      must("`authorization_code` or `client_credentials`")
    )
  )
}).annotations(mustBe("an object"))

/** The same as Cursor writes it. */
const Auth = Schema.Struct({
  CLIENT_ID: nullable(Text),
  CLIENT_SECRET: nullable(Text),
  scopes: nullable(Scopes)
}).annotations(mustBe("an object"))

/** Hosts disagree on the unit: nobody means a limit under one second, so small numbers are seconds. */
const Timeout = Schema.transformOrFail(Schema.Union(Schema.Number, Schema.String), Schema.DurationFromSelf, {
  strict: true,
  decode: (value, _, ast) => {
    const duration =
      typeof value === "number"
        ? Duration.millis(value < 1000 ? value * 1000 : value)
        : Duration.decodeUnknown(value.replace(/^([\d.]+)\s*(ms|s|m|h)$/, unit)).pipe((option) =>
            option._tag === "Some" ? option.value : Duration.zero
          )
    return Duration.greaterThan(duration, Duration.zero) && Duration.isFinite(duration)
      ? Either.right(duration)
      : Either.left(new ParseResult.Type(ast, value))
  },
  encode: (duration) => Either.right(Duration.toMillis(duration))
}).annotations(must("milliseconds, or a duration such as `90s`"))

/**
 * One entry of `mcpServers` as it is written, variables unexpanded. Keys that are not listed are ignored: hosts add
 * their own. `timeout` is the longest silence in a call; a plain number is milliseconds, below 1000 seconds.
 *
 * @since 0.1.0
 * @category models
 */
export const EntrySettings = Schema.Struct({
  command: nullable(Text),
  args: nullable(Texts),
  env: nullable(Variables),
  cwd: nullable(Text),
  url: nullable(Text),
  type: nullable(Text),
  headers: nullable(Variables),
  /** Hosts also write `true` for "find out by yourself", which is done anyway. */
  oauth: nullable(Schema.Union(Schema.Boolean, OAuth)),
  auth: nullable(Schema.Union(Schema.String, Auth)),
  disabled: nullable(Schema.Boolean.annotations(must("true or false"))),
  /** The opposite of `disabled`, as some hosts write it. */
  enabled: nullable(Schema.Boolean.annotations(must("true or false"))),
  timeout: nullable(Timeout),
  allowedTools: nullable(Texts),
  excludedTools: nullable(Texts)
})
/**
 * @since 0.1.0
 * @category models
 */
export type EntrySettings = typeof EntrySettings.Type

/**
 * Why an entry cannot be used, and the line to look at.
 *
 * @since 0.1.0
 * @category models
 */
export interface EntryProblem {
  readonly reason: "Invalid" | "MissingVariable"
  readonly line: number | undefined
  readonly detail: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ConfigEntry {
  readonly name: string
  /** The file it was read from. */
  readonly source: string
  /** 1-based line of the entry's name; undefined for what is in no file. */
  readonly line: number | undefined
  readonly settings: Either.Either<EntrySettings, EntryProblem>
  /** The `inputs` of its file, which VS Code asks for. */
  readonly inputs?: ReadonlyMap<string, InputSpec> | undefined
}

/**
 * Reads the text of a configuration file: JSON with comments and trailing commas, servers under `mcpServers` or, as
 * VS Code has it, `servers`. Fails only where the file as a whole cannot be used.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (
  path: string,
  text: string,
  /** For files in which a program keeps its other settings, too. */
  { mayHaveNone = false }: { readonly mayHaveNone?: boolean } = {}
): Either.Either<ReadonlyArray<ConfigEntry>, McpConfigInvalid> => {
  const source = JsoncText.withoutMark(text)
  const invalid = (reason: McpConfigInvalid["reason"], line: number, detail: string) =>
    Either.left(new McpConfigInvalid({ path, reason, line, detail }))

  const parsed = JsoncText.parse(source)
  if (Either.isLeft(parsed)) return invalid("NotJson", parsed.left.line, parsed.left.detail)
  const root = parsed.right

  const sections = (["servers", "mcpServers"] as const).flatMap((key) => {
    const node = Jsonc.findNodeAtLocation(root, [key])
    return node === undefined ? [] : [{ key, node }]
  })
  const wrong = sections.find(({ node }) => node.type !== "object" && node.type !== "null")
  if (wrong !== undefined) {
    return invalid("NoServers", JsoncText.lineAt(source, wrong.node.offset), `"${wrong.key}" is not an object.`)
  }
  const keys = (root.children ?? []).flatMap((property) => property.children?.slice(0, 1) ?? [])
  if (sections.length === 0 && keys.length > 0 && !mayHaveNone) {
    const found = keys.map((key) => `"${Jsonc.getNodeValue(key)}"`).join(", ")
    return invalid("NoServers", JsoncText.lineAt(source, root.offset), `It has no "mcpServers" (found: ${found}).`)
  }

  const inputs = inputsIn(root)
  // by name, so that a name in both sections is one server: that of `mcpServers`
  const entries = new Map<string, ConfigEntry>()
  for (const { node } of sections) {
    for (const property of node.children ?? []) {
      const [key, value] = property.children ?? []
      if (key === undefined || value === undefined) continue
      const name = String(Jsonc.getNodeValue(key))
      const line = JsoncText.lineAt(source, key.offset)
      entries.set(name, { name, source: path, line, settings: decodeEntry(source, line, value), inputs })
    }
  }
  return Either.right([...entries.values()])
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What is not as VS Code writes it asks for nothing. */
const decodeInput = Schema.decodeUnknownOption(
  Schema.Struct({ id: Text, description: nullable(Text), default: nullable(Scalar) })
)

const inputsIn = (root: Jsonc.Node): ReadonlyMap<string, InputSpec> => {
  const node = Jsonc.findNodeAtLocation(root, ["inputs"])
  const found: ReadonlyArray<unknown> = node?.type === "array" ? (node.children ?? []).map(Jsonc.getNodeValue) : []
  return new Map(found.flatMap((value) => Option.toArray(decodeInput(value)).map(({ id, ...input }) => [id, input])))
}

const decodeSettings = Schema.decodeUnknownEither(EntrySettings)

const decodeEntry = (text: string, line: number, node: Jsonc.Node): ConfigEntry["settings"] =>
  node.type === "object"
    ? Either.mapLeft(decodeSettings(Jsonc.getNodeValue(node)), (error): EntryProblem => {
        const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
        // of the alternatives of a union, the one that says what it wants
        const issue = issues.find(({ message }) => message.startsWith("must be ")) ?? issues[0]
        const path = issue?.path.filter((key) => typeof key !== "symbol") ?? []
        const place = Jsonc.findNodeAtLocation(node, path)
        return {
          reason: "Invalid",
          line: place === undefined ? line : JsoncText.lineAt(text, place.offset),
          detail: `${shownPath(path)} ${issue?.message.startsWith("must be ") ? issue.message : "is not as expected"}.`
        }
      })
    : Either.left({
        reason: "Invalid",
        line: JsoncText.lineAt(text, node.offset),
        detail: "The entry must be an object."
      })

const shownPath = (path: ReadonlyArray<string | number>) =>
  path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join("")
    .replace(/^(.*)$/, '"$1"')

const unit = (_: string, amount: string, short: string) =>
  `${amount} ${short === "ms" ? "millis" : short === "s" ? "seconds" : short === "m" ? "minutes" : "hours"}`
