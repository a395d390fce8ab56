/** An answer, and the JSON in it where a schema was asked for: as a user of a loop without schemas would take it. */
export const answerOf = (answer, schema) => {
  if (schema === undefined) return { answer }
  const [fenced] = [...answer.matchAll(/```(?:json)?\s*([\s\S]*?)```/g)].map((match) => match[1])
  for (const text of [answer, fenced, /\{[\s\S]*\}/.exec(answer)?.[0]]) {
    try {
      const value = JSON.parse(text)
      const keys = schema.required ?? []
      if (keys.every((key) => fits(value[key], schema.properties[key]))) return { answer, structured: value }
    } catch {
      // the next way to read it
    }
  }
  return { answer }
}

/** The schemas of the tasks have members of plain types. */
const fits = (value, { type }) =>
  type === "array"
    ? Array.isArray(value)
    : type === "integer"
      ? Number.isInteger(value)
      : type === "object"
        ? typeof value === "object" && value !== null
        : typeof value === type

/** For loops that cannot be told of a schema. */
export const withSchema = (text, schema) =>
  schema === undefined
    ? text
    : `${text}\n\nAnswer with JSON alone that fits this JSON Schema: ${JSON.stringify(schema)}`
