/** Hosts: several LM Studios, as a settings file has them. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { httpUrl, type Setting } from "./Setting.ts"

export interface HostEntry {
  readonly name: string
  /** Without the path of an API, and without a slash at the end. */
  readonly url: string
  /** The variable that has its API token. */
  readonly tokenFrom: Option.Option<string>
  /** Its share of the work, beside the others'. */
  readonly weight: number
  /** Patterns of the models that it may serve. */
  readonly models: ReadonlyArray<string>
}

/** None for what is no such list, and for two hosts with the same name or address. */
export const decode = (text: string): Option.Option<ReadonlyArray<HostEntry>> =>
  decodeJson(text.trim() === "" ? "[]" : text).pipe(
    Option.map((hosts) => hosts.map(ofJson)),
    Option.filter((hosts) => areDifferent(hosts.map(({ name }) => name.toLowerCase()))),
    Option.filter((hosts) => areDifferent(hosts.map(({ url }) => url)))
  )

export const hostSetting = (variable: string, description: string): Setting<ReadonlyArray<HostEntry>> => ({
  variable,
  json,
  decode,
  fallback: [],
  shown: "",
  allowed:
    'a list: `[{"name": "attic", "url": "http://attic.local:1234", "token": "${env:ATTIC_TOKEN}", "weight": 2, "models": ["qwen/*"]}]`, in which name and url must be there and differ, and a token names a variable',
  description
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Url = Schema.String.pipe(Schema.filter((text) => Option.isSome(Schema.decodeOption(httpUrl)(text))))
const tokenPattern = /^\$\{env:([A-Za-z_]\w*)\}$/

const json = Schema.Array(
  Schema.Struct({
    name: Schema.String.pipe(Schema.pattern(/^[\w.-]{1,64}$/)),
    url: Url,
    token: optional(Schema.String.pipe(Schema.pattern(tokenPattern))),
    weight: optional(Schema.Number.pipe(Schema.positive(), Schema.lessThanOrEqualTo(1000))),
    models: optional(Schema.Array(Schema.NonEmptyTrimmedString))
  })
)

const decodeJson = Schema.decodeOption(Schema.parseJson(json), { onExcessProperty: "error" })

const ofJson = ({ models = ["*"], name, token, url, weight = 1 }: (typeof json.Type)[number]): HostEntry => ({
  name,
  url: url
    .trim()
    .replace(/\/+$/, "")
    .replace(/\/(?:api\/)?v[01]$/, ""),
  tokenFrom: Option.fromNullable(tokenPattern.exec(token ?? "")?.[1]),
  weight,
  models
})

const areDifferent = (names: ReadonlyArray<string>) => new Set(names).size === names.length
