/**
 * Parsing of JSON from outside.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as ExactJson from "../json/ExactJson.ts"

/**
 * The value; undefined when the text is not JSON. Numbers that a double would change are `ExactNumber`s.
 *
 * @internal
 */
export const parseJson = (text: string): unknown => Either.getOrUndefined(ExactJson.parse(text))

/**
 * The value, or the parser's error, for callers that need to know why there is no value.
 *
 * @internal
 */
export const decodeJson = Schema.decodeUnknownEither(ExactJson.fromJson(Schema.Unknown))
