/** Aliases: names for models, as a settings file has them. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import type { Setting } from "./Setting.ts"

/** The model behind a name, or another alias, and what may take its place where it cannot be loaded, in order. */
export interface Alias {
  readonly name: string
  readonly model: string
  readonly instead: ReadonlyArray<string>
}

/** By name in lower case, because models are found in any letter case. */
export type Aliases = ReadonlyMap<string, Alias>

const Name = Schema.NonEmptyTrimmedString

const json = Schema.Record({
  key: Schema.String,
  value: Schema.Union(Name, Schema.Struct({ model: Name, instead: optional(Schema.Array(Name)) }))
})

/** None for what is no such object, and for an alias that leads back to itself. */
export const decode = (text: string): Option.Option<Aliases> =>
  decodeJson(text.trim() === "" ? "{}" : text).pipe(
    Option.map(ofRecord),
    Option.filter((aliases) => !aliases.has("") && !isCircular(aliases))
  )

export const aliasSetting = (variable: string, description: string): Setting<Aliases> => ({
  variable,
  json,
  decode,
  fallback: new Map(),
  shown: "",
  allowed:
    'an object of names, each with the model behind it: `{"coder": "qwen/qwen3-8b"}`, or `{"coder": {"model": "…", "instead": ["…"]}}`; an alias may name another, but not lead back to itself',
  description
})

/** The alias that a name means, if any. */
export const find = (aliases: Aliases, name: string): Alias | undefined => aliases.get(keyOf(name))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeJson = Schema.decodeOption(Schema.parseJson(json))

const keyOf = (name: string) => name.trim().toLowerCase()

const ofRecord = (record: typeof json.Type): Aliases =>
  new Map(
    Object.entries(record).map(([name, value]) => {
      const { instead = [], model } = typeof value === "string" ? { model: value } : value
      return [keyOf(name), { name, model, instead }]
    })
  )

const isCircular = (aliases: Aliases): boolean =>
  [...aliases.values()].some((alias) => {
    const seen = new Set<Alias>()
    for (let next: Alias | undefined = alias; next !== undefined; next = find(aliases, next.model)) {
      if (seen.has(next)) return true
      seen.add(next)
    }
    return false
  })
