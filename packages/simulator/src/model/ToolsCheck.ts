/**
 * LM Studio's check of tools before anything runs (contract J): each has a name, and `parameters` that are an object
 * schema with an object of `properties`. Any other tool refuses the whole request.
 */
import * as Json from "../internal/json.ts"

/** One problem, in the format of LM Studio's list. */
export interface Issue {
  readonly code: string
  readonly expected?: string
  readonly received?: string
  readonly options?: ReadonlyArray<string>
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/** `place` is the path from an entry of the list to its name and parameters: `["function"]` or empty. */
export const issuesOf = (tools: unknown, place: ReadonlyArray<string>): ReadonlyArray<Issue> => {
  if (tools === undefined || tools === null) return []
  if (!Array.isArray(tools)) return [invalid("array", tools, [])]
  return tools.flatMap((entry: unknown, index) => {
    const tool = place.reduce<unknown>((value, key) => Json.objectOf(value)[key], entry)
    if (!Json.isObject(tool)) return [invalid("object", tool, [index, ...place])]
    const at = [index, ...place]
    return [
      ...(typeof tool["name"] === "string" ? [] : [invalid("string", tool["name"], [...at, "name"])]),
      ...(tool["description"] === undefined || typeof tool["description"] === "string"
        ? []
        : [invalid("string", tool["description"], [...at, "description"])]),
      ...parameterIssues(tool["parameters"], [...at, "parameters"])
    ]
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const parameterIssues = (parameters: unknown, path: Issue["path"]): ReadonlyArray<Issue> => {
  if (parameters === undefined) return []
  if (!Json.isObject(parameters)) return [invalid("object", parameters, path)]
  if (parameters["type"] !== "object") {
    return [
      {
        code: "invalid_union_discriminator",
        options: ["object"],
        path: [...path, "type"],
        message: "Invalid discriminator value. Expected 'object'"
      }
    ]
  }
  const { additionalProperties, properties, required } = parameters
  return [
    ...(Json.isObject(properties) ? [] : [invalid("object", properties, [...path, "properties"])]),
    ...(required === undefined
      ? []
      : Array.isArray(required)
        ? required.flatMap((name: unknown, at) =>
            typeof name === "string" ? [] : [invalid("string", name, [...path, "required", at])]
          )
        : [invalid("array", required, [...path, "required"])]),
    ...(additionalProperties === undefined || typeof additionalProperties === "boolean"
      ? []
      : [invalid("boolean", additionalProperties, [...path, "additionalProperties"])])
  ]
}

const invalid = (expected: string, value: unknown, path: Issue["path"]): Issue => {
  const received =
    value === undefined ? "undefined" : value === null ? "null" : Array.isArray(value) ? "array" : typeof value
  return {
    code: "invalid_type",
    expected,
    received,
    path,
    message: value === undefined ? "Required" : `Expected ${expected}, received ${received}`
  }
}
