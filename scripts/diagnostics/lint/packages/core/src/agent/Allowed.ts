// What core may import: nothing here may be reported.
import * as HttpClient from "@effect/platform/HttpClient"
import * as Ajv from "ajv"
import * as Effect from "effect/Effect"
import * as Connection from "../mcp/Allowed.ts"

export const all = [HttpClient, Ajv, Effect, Connection]
