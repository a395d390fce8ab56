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
      /** The variables that carry its secrets. */
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

export interface Carried {
  readonly variable: string
  readonly state: "same" | "different" | "missing"
}

export interface About {
  readonly target: string
  readonly choice: Imports.Choice
  readonly carried: ReadonlyArray<Carried>
  readonly there: ReadonlyMap<string, unknown>
  readonly problems: ReadonlyArray<McpConfigInvalid>
  readonly dryRun: boolean
  /** Whether secrets were copied. */
  readonly secrets: boolean
}

/** Whether this environment has the variables. */
export const states = (taken: ReadonlyArray<Imports.Taken>): Effect.Effect<ReadonlyArray<Carried>> => {
  const wanted = new Map(
    taken.flatMap(({ carried }) => carried.map(({ value, variable }) => [variable, value] as const))
  )
  return Effect.forEach(wanted, ([variable, value]) =>
    Effect.map(
      Effect.orElseSucceed(Config.string(variable), () => ""),
      (now) => ({ variable, state: now === "" ? "missing" : now === value ? "same" : "different" }) as const
    )
  )
}

export const summary = ({ carried, choice, dryRun, problems, target }: About): typeof Summary.Type => ({
  file: target,
  written: !dryRun && choice.taken.length > 0,
  taken: choice.taken.map(({ carried, offer }) => ({
    ...placeOf(offer),
    variables: carried.map(({ variable }) => variable)
  })),
  left: choice.left.map((one) => ({ ...placeOf(one.offer), reason: one.reason, why: why(one) })),
  notSet: carried.flatMap(({ state, variable }) => (state === "missing" ? [variable] : [])),
  different: carried.flatMap(({ state, variable }) => (state === "different" ? [variable] : [])),
  problems: problems.map(({ message }) => message)
})

export const lines = (about: About, columns: number | undefined): ReadonlyArray<string> => {
  const { carried, choice, dryRun, problems, target } = about
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
    ...aboutSecrets(about, carried)
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

const aboutSecrets = ({ choice, secrets }: About, carried: ReadonlyArray<Carried>): ReadonlyArray<string> => {
  if (secrets) {
    return choice.taken.length === 0 ? [] : ["Tokens and passwords stand in the file as they are: do not share it."]
  }
  if (carried.length === 0) return []
  const of = (state: Carried["state"]) => carried.flatMap((one) => (one.state === state ? [one.variable] : []))
  const [missing, different] = [of("missing"), of("different")]
  return [
    `Secrets were not copied: the file refers to ${carried.map(({ variable }) => variable).join(", ")}.`,
    ...(different.length === 0
      ? []
      : [`${different.join(", ")}: this shell has another value than the client's file.`]),
    ...(missing.length === 0
      ? []
      : [
          `Not set here: ${missing.join(", ")}. Set them where lms-bridge starts, or copy the secrets with --with-secrets.`
        ])
  ]
}
