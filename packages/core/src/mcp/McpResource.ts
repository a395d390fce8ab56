/** What servers offer to be read: resources, templates of their addresses, and what one of them holds. */
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
  /** Bytes, where the server says so. */
  size: optional(Schema.NonNegative)
})
export type McpResource = typeof McpResource.Type

/** A family of resources: an address with names in braces (RFC 6570) where something is to be put in. */
export const McpResourceTemplate = Schema.Struct({ uriTemplate: Schema.String, ...described })
export type McpResourceTemplate = typeof McpResourceTemplate.Type

/** One part of what was read: `text`, or `blob` in base64. */
export const ResourceContent = Schema.Struct({
  uri: Schema.String,
  mimeType: optional(Schema.String),
  text: optional(Schema.String),
  blob: optional(Schema.String)
})
export type ResourceContent = typeof ResourceContent.Type
