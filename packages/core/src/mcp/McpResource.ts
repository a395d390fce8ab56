/** What can be read from servers: resources, resource templates, and the contents of a resource. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

const described = {
  server: Schema.String,
  name: Schema.String,
  title: optional(Schema.String),
  description: optional(Schema.String),
  mimeType: optional(Schema.String)
}

/** A resource as its server lists it. */
export const McpResource = Schema.Struct({
  uri: Schema.String,
  ...described,
  /** In bytes, if the server says so. */
  size: optional(Schema.NonNegative)
})
export type McpResource = typeof McpResource.Type

/** A family of resources: a URI template (RFC 6570) with names in braces to be replaced. */
export const McpResourceTemplate = Schema.Struct({ uriTemplate: Schema.String, ...described })
export type McpResourceTemplate = typeof McpResourceTemplate.Type

/** One part of the contents: `text`, or `blob` in base64. */
export const ResourceContent = Schema.Struct({
  uri: Schema.String,
  mimeType: optional(Schema.String),
  text: optional(Schema.String),
  blob: optional(Schema.String)
})
export type ResourceContent = typeof ResourceContent.Type
