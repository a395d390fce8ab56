/**
 * Foreign values in sentences: never more of them than a reader needs. Pure.
 */

/** Characters of a foreign value that are repeated. */
export const mostQuoted = 200

/** At most 200 characters on one line, with a mark where something is left out. */
export const cut = (text: string): string => {
  // what is cut off need not be looked at
  const line = text.slice(0, 4 * mostQuoted).replaceAll(/\s+/g, " ")
  const characters = [...line]
  return characters.length > mostQuoted || text.length > 4 * mostQuoted
    ? `${characters.slice(0, mostQuoted - 1).join("")}…`
    : line
}

/** A value as JSON, cut. */
export const quoted = (value: unknown): string =>
  cut(typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value)))

/** `one of a, b, c`, or the only one there is. */
export const oneOf = (values: ReadonlyArray<string>): string =>
  values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`

/** What a JSON value is, in plain words. */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  switch (typeof value) {
    case "string":
      return "a text"
    case "number":
    case "bigint":
      return "a number"
    case "boolean":
      return "true or false"
    case "undefined":
      return "nothing"
    default:
      return "an object"
  }
}
