/**
 * JSON as others write it.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as ExactJson from "../json/ExactJson.ts"

/**
 * The value; undefined when the text is no JSON. Numbers that a double would change are `ExactNumber`s.
 *
 * @internal
 */
export const parseJson = (text: string): unknown => Either.getOrUndefined(ExactJson.parse(text))

/**
 * The value, or what the parser says: for those who have to tell an undefined value from none.
 *
 * @internal
 */
export const decodeJson = Schema.decodeUnknownEither(ExactJson.fromJson(Schema.Unknown))
