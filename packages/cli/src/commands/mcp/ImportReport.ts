/** What `mcp import` took over, what it left, and which variables it needs. */
import type { Imports } from "@lms-bridge/core/McpConfig"
import type { McpConfigInvalid } from "@lms-bridge/core/McpRegistry"
import { present } from "@lms-bridge/core/Json"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const place = { name: Schema.String, client: Schema.String, source: Schema.String, line: optional(Schema.Int) }

export const Summary = Schema.Struct({
  file: Schema.String,
  /** Whether the file was changed. */
  written: Schema.Boolean,
  taken: Schema.Array(
    Schema.Struct({
      ...place,
      /** The variables that it needs, those that carry its secrets among them. */
      variables: Schema.Array(Schema.String)
    })
  ),
  left: Schema.Array(Schema.Struct({ ...place, reason: Schema.String, why: Schema.String })),
  /** Variables that are not set here, or have another value than the client's file. */
  notSet: Schema.Array(Schema.String),
  different: Schema.Array(Schema.String),
  /** Files that cannot be used. */
  problems: Schema.Array(Schema.String)
})

/** A variable that a server needs. */
export interface Variable {
  readonly name: string
  /** It carries a secret of the client's file. */
  readonly secret: boolean
  /** What this environment has. */
  readonly state: "set" | "different" | "missing"
}

export interface About {
  readonly target: string
  readonly choice: Imports.Choice
  readonly variables: ReadonlyArray<Variable>
  readonly problems: ReadonlyArray<McpConfigInvalid>
  readonly dryRun: boolean
  /** Whether secrets were copied. */
  readonly secrets: boolean
}

/** The variables of these servers, and whether this environment has them. */
export const states = (taken: ReadonlyArray<Imports.Taken>): Effect.Effect<ReadonlyArray<Variable>> => {
  const wanted = new Map<string, string | undefined>([
    ...taken.flatMap(({ needs }) => needs.map((variable) => [variable, undefined] as const)),
    ...taken.flatMap(({ carried }) => carried.map(({ value, variable }) => [variable, value] as const))
  ])
  return Effect.forEach(wanted, ([name, value]) =>
    Effect.map(
      Effect.orElseSucceed(Config.string(name), () => ""),
      (now): Variable => ({
        name,
        secret: value !== undefined,
        state: now === "" ? "missing" : value === undefined || now === value ? "set" : "different"
      })
    )
  )
}

export const summary = ({ choice, dryRun, problems, target, variables }: About): typeof Summary.Type => ({
  file: target,
  written: !dryRun && choice.taken.length > 0,
  taken: choice.taken.map(({ needs, offer }) => ({
    ...placeOf(offer),
    variables: needs
  })),
  left: choice.left.map((one) => ({ ...placeOf(one.offer), reason: one.reason, why: why(one) })),
  notSet: variables.flatMap(({ name, state }) => (state === "missing" ? [name] : [])),
  different: variables.flatMap(({ name, state }) => (state === "different" ? [name] : [])),
  problems: problems.map(({ message }) => message)
})

export const lines = (about: About, columns: number | undefined): ReadonlyArray<string> => {
  const { choice, dryRun, problems, target } = about
  const { left, taken } = choice
  if (taken.length === 0 && left.length === 0) {
    return [
      ...problems.map(({ message }) => message),
      "None of your MCP clients has a server to take over. Add one with `lms-bridge mcp add NAME -- COMMAND`."
    ]
  }
  const rows = [
    ...taken.map(({ offer }) => [offer.name, dryRun ? "would be taken" : "taken", from(offer), ""]),
    ...left.map((one) => [one.offer.name, "left", from(one.offer), why(one)])
  ]
  const count = Words.count(taken.length, "server")
  return [
    ...problems.map(({ message }) => message),
    Table.render(["SERVER", "STATE", "FROM", "WHY"], rows, columns),
    taken.length === 0
      ? `Nothing was changed in ${target}.`
      : dryRun
        ? "Nothing was written."
        : `Took ${count} over into ${target}.`,
    ...aboutVariables(about)
  ]
}

/** The clients that servers come from: `Claude Code and Cursor`. */
export const clientsOf = (taken: ReadonlyArray<Imports.Taken>): string => {
  const names = [...new Set(taken.map(({ offer }) => offer.origin))]
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const placeOf = ({ line, name, origin, source }: Imports.Offer) => ({
  name,
  client: origin,
  source,
  ...present({ line })
})

const from = ({ line, origin, source }: Imports.Offer) => `${origin} (${source}${line === undefined ? "" : `:${line}`})`

const why = ({ detail, reason }: Imports.Left): string => {
  switch (reason) {
    case "Itself":
      return "it is lms-bridge itself"
    case "Off":
      return "it is switched off there; name it to take it"
    case "Invalid":
      return detail
    case "CameAlong":
      return "its file came with this folder; name it to take it"
    case "There":
      return "it is already there"
    case "Different":
      return "there is another server of that name; --force replaces it"
    case "Twice":
      return `one of that name is in ${detail}, too; --from chooses`
  }
}

const aboutVariables = ({ choice, secrets, variables }: About): ReadonlyArray<string> => {
  const names = (holds: (one: Variable) => boolean) => variables.filter(holds).map(({ name }) => name)
  const hidden = names(({ secret }) => secret)
  const different = names(({ state }) => state === "different")
  const missing = names(({ state }) => state === "missing")
  const isCopied = secrets && choice.taken.length > 0
  return [
    ...(isCopied ? ["Tokens and passwords stand in the file as they are: do not share it."] : []),
    ...(hidden.length === 0 ? [] : [`Secrets were not copied: the file refers to ${hidden.join(", ")}.`]),
    ...(different.length === 0
      ? []
      : [`${different.join(", ")}: this shell has another value than the client's file.`]),
    ...(missing.length === 0
      ? []
      : [
          `Not set here: ${missing.join(", ")}. Set them where lms-bridge starts${hidden.length === 0 ? "." : ", or copy the secrets with --with-secrets."}`
        ])
  ]
}
