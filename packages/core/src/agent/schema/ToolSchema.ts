/**
 * JSON Schemas of tools: compiled once, applied with unambiguous coercions, with short error messages. Drafts 07 and
 * 2020-12. `format` is an annotation and is left to the server.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { kindOf, approximate, stringify } from "../../json/ExactJson.ts"
import { nearest } from "../../names/nearest.ts"
import { coercions, valueAt } from "./Coercion.ts"
import * as DecimalMultiple from "./DecimalMultiple.ts"
import * as ForeignPattern from "../../names/ForeignPattern.ts"
import { usable } from "./UsableSchema.ts"

type JsonSchema = Readonly<Record<string, unknown>>
type Compiled = Either.Either<ValidateFunction, string>

/** The validator of a schema, or why the schema cannot be used. Cached for the lifetime of the schema object. */
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

/** The keywords of a compiled schema that are not checked, because they cannot be used. */
export const leftOut = (schema: JsonSchema): string | undefined => unchecked.get(schema)

/**
 * The schema itself when it is well-formed, or at most five problems. Stricter than for the schemas of tools, because a
 * person who writes a schema can correct it.
 */
export const checked = (schema: JsonSchema): Either.Either<JsonSchema, ReadonlyArray<string>> => {
  const ajv = isOldDraft(schema) ? draft07() : draft2020()
  if (ajv.validateSchema(schema) !== true) return Either.left(described(ajv.errors ?? []))
  return Either.mapBoth(attempt(ajv, schema), { onLeft: (problem) => [problem], onRight: () => schema })
}

/**
 * The value, coerced where that is unambiguous (see `Coercion`), or at most five problems. The given value is not changed.
 */
export const fit = (validate: ValidateFunction, value: unknown): Either.Either<unknown, ReadonlyArray<string>> => {
  if (isDeeperThan(value, maxDepth)) return Either.left([`the whole: is nested more than ${maxDepth} levels deep`])
  // doubles are good enough for validation; the value that is passed on keeps its digits
  const fits = (candidate: unknown) => validate(approximate(candidate))
  try {
    return coercedToFit(validate, value, fits)
  } catch (cause) {
    // the stack is exhausted
    if (cause instanceof RangeError) return Either.left(["the whole: cannot be checked, the schema refers to itself"])
    throw cause
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const coercedToFit = (
  validate: ValidateFunction,
  value: unknown,
  fits: (candidate: unknown) => boolean
): Either.Either<unknown, ReadonlyArray<string>> => {
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

const maxCoercions = 32
/** Most levels of a value: checking a recursive schema recurses as deeply, and the stack is limited. */
const maxDepth = 200
/** Most characters of one problem, which contains untrusted names and values. */
const maxProblemLength = 500
/** Most failures that are considered: a list of thousands may fail in each item. */
const maxErrors = 1000
const maxProblems = 5

const compiled = new WeakMap<JsonSchema, Compiled>()
const unchecked = new WeakMap<JsonSchema, string>()

/** `usable` has left out the expressions that RE2 does not support. */
const foreignExpression = (pattern: string) => {
  const test = Either.getOrElse(ForeignPattern.make(pattern), () => () => true)
  // ajv distinguishes expressions by their text
  return { test, toString: () => pattern }
}

const options = {
  // schemas are from outside: unknown keywords and formats are no reason to refuse a tool
  strict: false,
  validateSchema: false,
  validateFormats: false,
  allErrors: true,
  verbose: true,
  // inherited properties are not arguments, whatever a schema calls its properties
  ownProperties: true,
  addUsedSchema: false,
  logger: false,
  code: { regExp: Object.assign(foreignExpression, { code: "" }) }
} as const

/** A compiler never frees what it has compiled, so it is replaced after this many schemas. */
const schemasPerCompiler = 50

/** The compiler is created on first use, so that a run without tools does not pay for it. */
const compiler = <A>(make: () => A): (() => A) => {
  let made: { readonly ajv: A; left: number } | undefined
  return () => {
    if (made === undefined || made.left === 0) made = { ajv: make(), left: schemasPerCompiler }
    made.left -= 1
    return made.ajv
  }
}
const exact = <A extends Ajv | Ajv2020>(ajv: A): A => {
  ajv.removeKeyword("multipleOf").addKeyword(DecimalMultiple.keyword)
  return ajv
}
const draft07 = compiler(() => exact(new Ajv(options)))
const draft2020 = compiler(() => exact(new Ajv2020(options)))

const isOldDraft = (schema: JsonSchema) => {
  const declared = schema["$schema"]
  return typeof declared === "string" && /draft-0[3-7]/.test(declared)
}

const attempt = (ajv: Ajv | Ajv2020, schema: JsonSchema): Compiled =>
  Either.try({
    try: () => {
      // without an id of the root, ajv does not resolve `#` in a schema that it does not keep
      const rooted = typeof schema["$id"] === "string" ? schema : { ...schema, $id: "https://schema.invalid/" }
      try {
        const validate = ajv.compile(rooted)
        // a root that refers only to itself never terminates: better unchecked than a tool that cannot be called
        validate({})
        return validate
      } finally {
        // ajv's own cache would keep every schema for ever, and refuse a second one of the same `$id`
        ajv.removeSchema(rooted)
      }
    },
    catch: (cause) => (Predicate.isError(cause) ? cause.message : String(cause))
  })

/** The failures of the branches of an `anyOf` or `oneOf` become one problem. */
const described = (found: ReadonlyArray<ErrorObject>): ReadonlyArray<string> => {
  const errors = found.slice(0, maxErrors)
  const unions = errors.filter(({ keyword }) => keyword === "anyOf" || keyword === "oneOf")
  const inUnion = (error: ErrorObject) =>
    unions.some((union) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`))
  const sentenceOf = (error: ErrorObject) =>
    unions.includes(error)
      ? union(
          error,
          errors.filter((other) => other.schemaPath.startsWith(`${error.schemaPath}/`))
        )
      : sentence(error)
  const told = new Set<string>()
  const more = new Set<string>()
  for (const error of errors.filter((one) => !inUnion(one))) {
    // the sentence is expensive where thousands of values are allowed
    if (told.size < maxProblems) told.add(cut(sentenceOf(error), maxProblemLength))
    else more.add(`${error.instancePath} ${error.schemaPath} ${JSON.stringify(nameIn(error))}`)
  }
  return more.size > 0 ? [...told, `and ${more.size} more`] : [...told]
}

const nameIn = ({ params }: ErrorObject): unknown =>
  params["missingProperty"] ?? params["additionalProperty"] ?? params["unevaluatedProperty"]

const place = (error: ErrorObject) => (error.instancePath === "" ? "the whole" : error.instancePath)

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

const shown = (value: unknown) => cut(stringify(value) || "nothing", 60)

/** Checks level by level, without recursion. */
const isDeeperThan = (value: unknown, most: number): boolean => {
  let level: ReadonlyArray<unknown> = [value]
  for (let depth = 0; depth <= most; depth++) {
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []))
    if (level.length === 0) return false
  }
  return true
}

/** A text of hundreds of characters is not a typing error, and comparing it takes long. */
const near = (given: string, names: ReadonlyArray<string>) =>
  given.length > 60
    ? []
    : nearest(
        given,
        names.filter((name) => name.length <= 100)
      )

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

/** All values if they are few; otherwise the nearest ones and their number. */
const allowed = (given: unknown, values: ReadonlyArray<unknown>): string => {
  if (values.length <= shownValues) return `allowed: ${values.map(shown).join(", ")}`
  const texts = values.filter(Predicate.isString)
  const close = typeof given === "string" ? near(given, texts) : []
  const named =
    close.length > 0 ? `nearest: ${close.map(shown).join(", ")}` : `such as ${values.slice(0, 5).map(shown).join(", ")}`
  return `allowed are ${values.length} values, ${named}`
}

const allowedNames = (given: string, names: ReadonlyArray<string>): string => {
  const told = (some: ReadonlyArray<string>) => some.map((name) => cut(name, 60)).join(", ")
  const close = near(given, names)
  if (names.length === 0) return ""
  if (names.length > shownValues) {
    return `, allowed are ${names.length} names, ${close.length > 0 ? `nearest: ${told(close)}` : `such as ${told(names.slice(0, 5))}`}`
  }
  return `, allowed: ${told(names)}${close.length > 0 ? ` (nearest: ${told(close)})` : ""}`
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
      return `${place(error)}: "${cut(String(extra), 60)}" is not a parameter${allowedNames(String(extra), names)}`
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
