/**
 * Foreign values in sentences, cut to what a reader needs. Pure.
 */

/** How many characters of a foreign value are quoted. */
export const mostQuoted = 200

/** At most 200 characters on one line; a longer text is cut and marked. */
export const cut = (text: string): string => {
  // no need to look at what is cut off
  const line = text.slice(0, 4 * mostQuoted).replaceAll(/\s+/g, " ")
  const characters = [...line]
  return characters.length > mostQuoted || text.length > 4 * mostQuoted
    ? `${characters.slice(0, mostQuoted - 1).join("")}…`
    : line
}

/** A value as JSON, cut. */
export const quoted = (value: unknown): string =>
  cut(typeof value === "bigint" ? String(value) : (JSON.stringify(value) ?? String(value)))

/** `one of a, b, c`, or the only one. */
export const oneOf = (values: ReadonlyArray<string>): string =>
  values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`

/** The kind of a JSON value in words. */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  switch (typeof value) {
    case "string":
      return "a string"
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
