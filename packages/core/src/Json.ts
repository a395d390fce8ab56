/** JSON as it was written: numbers beyond 2^53, fields that may be absent, one value a line. */
export { ExactNumber, fromJson, isTooDeep, mostLevels, stringify } from "./json/ExactJson.ts"
export * as JsonLines from "./mcp/reading/JsonLines.ts"
export { optional, present } from "./schema/Fields.ts"
