/**
 * JSON Schemas of tools: compiled once, applied with the coercions that have only one reading, and failures told in few
 * words. Drafts 07 and 2020-12. `format` is an annotation and is left to the server.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { approximate, stringify } from "../../json/ExactJson.ts"
import { nearest } from "../../names/nearest.ts"
import { coercions, kindOf, valueAt } from "./Coercion.ts"
import * as ForeignPattern from "../../names/ForeignPattern.ts"
import { usable } from "./UsableSchema.ts"

export { kindOf }

type JsonSchema = Readonly<Record<string, unknown>>
type Compiled = Either.Either<ValidateFunction, string>

/** The validator of a schema, or why the schema cannot be used. Kept as long as the schema object lives. */
export const compile = (schema: JsonSchema): Compiled => {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  const dialects = isOldDraft(schema) ? [draft07] : [draft2020, draft07]
  const { leftOut, schema: rest } = usable(schema)
  if (leftOut.length > 0) {
    const more = leftOut.length > maxProblems ? ` and ${leftOut.length - maxProblems} more` : ""
    unchecked.set(schema, `not checked: ${leftOut.slice(0, maxProblems).join(", ")}${more}`)
  }
  const attempts = dialects.map((dialect) => attempt(dialect(), rest))
  const result = attempts.find(Either.isRight) ?? attempts[0] ?? Either.left("it has no known dialect")
  compiled.set(schema, result)
  return result
}

/** Which keywords of a compiled schema nobody checks, because they cannot be used. */
export const leftOut = (schema: JsonSchema): string | undefined => unchecked.get(schema)

/**
 * The schema itself when it is well formed, or at most five problems: what a tool's schema is forgiven, one that a person
 * writes down is told.
 */
export const checked = (schema: JsonSchema): Either.Either<JsonSchema, ReadonlyArray<string>> => {
  const ajv = isOldDraft(schema) ? draft07() : draft2020()
  if (ajv.validateSchema(schema) !== true) return Either.left(described(ajv.errors ?? []))
  return Either.mapBoth(attempt(ajv, schema), { onLeft: (problem) => [problem], onRight: () => schema })
}

/**
 * The value, coerced where the schema leaves one reading (see `Coercion`), or at most five problems. The value given is
 * not changed.
 */
export const fit = (validate: ValidateFunction, value: unknown): Either.Either<unknown, ReadonlyArray<string>> => {
  // doubles are good enough to compare; what is passed on keeps its digits
  const fits = (candidate: unknown) => validate(approximate(candidate))
  if (fits(value)) return Either.right(value)
  const problems = described(
    (validate.errors ?? []).map((error) => ({ ...error, data: valueAt(value, error.instancePath) }))
  )
  let current = value
  const tried = new Set<string>()
  while (!fits(current)) {
    const next = coercions(current, validate.errors ?? []).find(({ key }) => !tried.has(key))
    if (next === undefined || tried.size >= maxCoercions) return Either.left(problems)
    tried.add(next.key)
    current = next.apply()
  }
  return Either.right(current)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxCoercions = 32
const maxProblems = 5

const compiled = new WeakMap<JsonSchema, Compiled>()
const unchecked = new WeakMap<JsonSchema, string>()

/** `usable` has left out what RE2 does not know. */
const foreignExpression = (pattern: string) => {
  const test = Either.getOrElse(ForeignPattern.make(pattern), () => () => true)
  // ajv tells expressions apart by their text
  return { test, toString: () => pattern }
}

const options = {
  // schemas are other people's: unknown keywords and formats are no reason to refuse a tool
  strict: false,
  validateSchema: false,
  validateFormats: false,
  allErrors: true,
  verbose: true,
  // what every object inherits is no argument, whatever a schema calls its properties
  ownProperties: true,
  addUsedSchema: false,
  logger: false,
  // 19.99 is a multiple of 0.01, though not in doubles
  multipleOfPrecision: 9,
  code: { regExp: Object.assign(foreignExpression, { code: "" }) }
} as const

/** A compiler never lets go of what it has compiled, so after so many schemas another one takes its place. */
const schemasPerCompiler = 50

/** A run without tools pays for no compiler: it is made when first needed. */
const compiler = <A>(make: () => A): (() => A) => {
  let made: { readonly ajv: A; left: number } | undefined
  return () => {
    if (made === undefined || made.left === 0) made = { ajv: make(), left: schemasPerCompiler }
    made.left -= 1
    return made.ajv
  }
}
const draft07 = compiler(() => new Ajv(options))
const draft2020 = compiler(() => new Ajv2020(options))

const isOldDraft = (schema: JsonSchema) => {
  const declared = schema["$schema"]
  return typeof declared === "string" && /draft-0[3-7]/.test(declared)
}

const attempt = (ajv: Ajv | Ajv2020, schema: JsonSchema): Compiled =>
  Either.try({
    try: () => {
      const validate = ajv.compile(schema)
      // ajv's own cache would keep every schema for ever, and refuse a second one of the same `$id`
      ajv.removeSchema(schema)
      return validate
    },
    catch: (cause) => (Predicate.isError(cause) ? cause.message : String(cause))
  })

/** Branches of `anyOf` and `oneOf` are told as one problem of the place where they stand. */
const described = (errors: ReadonlyArray<ErrorObject>): ReadonlyArray<string> => {
  const unions = errors.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf")
  const inUnion = (error: ErrorObject) =>
    unions.some((union) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`))
  const told = new Set(
    errors
      .filter((error) => !inUnion(error))
      .map((error) =>
        unions.includes(error)
          ? union(
              error,
              errors.filter((other) => other.schemaPath.startsWith(`${error.schemaPath}/`))
            )
          : sentence(error)
      )
  )
  const all = [...told]
  return all.length > maxProblems ? [...all.slice(0, maxProblems), `and ${all.length - maxProblems} more`] : all
}

const place = (error: ErrorObject) => (error.instancePath === "" ? "the whole" : error.instancePath)

const shown = (value: unknown) => {
  const text = stringify(value) || "nothing"
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const got = (error: ErrorObject) => `${shown(error.data)} (${kindOf(error.data)})`

const union = (error: ErrorObject, branches: ReadonlyArray<ErrorObject>): string => {
  const types = new Set(
    branches.flatMap((branch) =>
      branch.keyword === "type" && branch.instancePath === error.instancePath ? [String(branch.params["type"])] : []
    )
  )
  const others = branches.filter(({ keyword }) => keyword !== "type").slice(0, 3)
  const detail = [
    ...(types.size > 0 ? [`must be ${[...types].join(" or ")}`] : []),
    ...others.map((other) => sentence(other))
  ]
  return `${place(error)}: got ${got(error)}, fits none of the allowed forms${detail.length > 0 ? ` (${detail.join("; or ")})` : ""}`
}

const shownValues = 20

/** All values where they are few; of many the nearest ones, and how many there are. */
const allowed = (given: unknown, values: ReadonlyArray<unknown>): string => {
  if (values.length <= shownValues) return `allowed: ${values.map(shown).join(", ")}`
  const texts = values.filter(Predicate.isString)
  const near = typeof given === "string" ? nearest(given, texts) : []
  const named =
    near.length > 0 ? `nearest: ${near.map(shown).join(", ")}` : `such as ${values.slice(0, 5).map(shown).join(", ")}`
  return `allowed are ${values.length} values, ${named}`
}

const sentence = (error: ErrorObject): string => {
  const { params } = error
  switch (error.keyword) {
    case "required":
      return `${place(error) === "the whole" ? "" : `${place(error)}: `}"${params["missingProperty"]}" is missing`
    case "additionalProperties":
    case "unevaluatedProperties": {
      const properties = error.parentSchema?.["properties"]
      const names = Predicate.isRecord(properties) ? Object.keys(properties) : []
      const extra = params["additionalProperty"] ?? params["unevaluatedProperty"]
      return `${place(error)}: "${extra}" is not a parameter${names.length > 0 ? `, allowed: ${names.slice(0, 20).join(", ")}` : ""}`
    }
    case "enum":
      return `${place(error)}: got ${got(error)}, ${allowed(error.data, params["allowedValues"])}`
    case "const":
      return `${place(error)}: got ${got(error)}, allowed: ${shown(params["allowedValue"])}`
    case "type":
      return `${place(error)}: got ${got(error)}, must be ${[params["type"]].flat().join(" or ")}`
    default:
      return `${place(error)}: got ${got(error)}, ${error.message ?? `breaks "${error.keyword}"`}`
  }
}
