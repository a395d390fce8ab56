/**
 * JSON as others write it.
 */
import * as Schema from "effect/Schema"

/**
 * The value; undefined when the text is no JSON.
 *
 * @internal
 */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The value, or what the parser says: for those who have to tell an undefined value from none.
 *
 * @internal
 */
export const decodeJson = Schema.decodeUnknownEither(Schema.parseJson(Schema.Unknown))
