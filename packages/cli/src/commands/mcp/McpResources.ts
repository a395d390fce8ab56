/**
 * `mcp resources`: lists the resources of MCP servers, or prints one to stdout unchanged.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import {
  McpReadFailed,
  McpRegistry,
  McpResource,
  McpResourceTemplate,
  ResourceContent
} from "@lms-bridge/core/McpRegistry"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AllServers from "../../options/AllServers.ts"
import { UsageError } from "../../ExitCode.ts"
import { OutputFailed, Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("resources", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("A server in your mcp.json; all of them by default."),
    Args.optional
  ),
  uri: Args.text({ name: "URI" }).pipe(
    Args.withDescription("The resource to read; without it, the resources are listed."),
    Args.optional
  ),
  output: Options.text("output").pipe(
    Options.withDescription("Write the resource to this file; needed for one that is not text."),
    Options.withPseudoName("FILE"),
    Options.optional
  ),
  json: SharedOptions.json("Print the list, or all parts of the resource, as JSON.")
}).pipe(
  Command.withDescription("List the resources of one MCP server or of all, or read one resource."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, name, output, uri }) {
      const screen = yield* Screen
      if (Option.isSome(name) && Option.isSome(uri)) {
        const contents = yield* read(name.value, uri.value)
        if (Option.isSome(output))
          return yield* write(contents, { server: name.value, uri: uri.value, file: output.value })
        return yield* screen.out(json ? encodeContents(contents) : renderContents(contents))
      }
      if (Option.isSome(output)) {
        return yield* new UsageError({ problem: "--output needs a resource to read: mcp resources NAME URI." })
      }
      const found = yield* Option.match(name, {
        onNone: () => AllServers.listed(listingOf),
        onSome: (server) => Effect.map(listingOf(server), (listing) => [listing])
      })
      const listing: Listing = {
        resources: found.flatMap(({ resources }) => resources),
        templates: found.flatMap(({ templates }) => templates)
      }
      yield* screen.out(json ? encodeListing(listing) : render(listing, Option.isNone(name), screen.columns))
    })
  )
)

export const render = ({ resources, templates }: Listing, withServer: boolean, columns?: number): string => {
  const all: ReadonlyArray<McpResource> = [
    ...resources,
    // names in braces are placeholders
    ...templates.map(({ uriTemplate, ...template }) => ({ ...template, uri: uriTemplate }))
  ]
  return all.length === 0
    ? "There are no resources."
    : Table.render(
        [...(withServer ? ["SERVER"] : []), "URI", "NAME", "TYPE", "SIZE", "DESCRIPTION"],
        all.map(({ description = "", mimeType = "", name, server, size, title, uri }) => [
          ...(withServer ? [server] : []),
          uri,
          title ?? name,
          mimeType,
          size === undefined ? "" : Words.bytes(size),
          Words.oneLine(description, 70)
        ]),
        columns
      )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Listing = Schema.Struct({
  resources: Schema.Array(McpResource),
  templates: Schema.Array(McpResourceTemplate)
})
type Listing = typeof Listing.Type

const connection = (server: string) => Effect.flatMap(McpRegistry, (registry) => registry.connect(server))

const listingOf = (server: string) =>
  connection(server).pipe(
    Effect.flatMap(({ resourceTemplates, resources }) =>
      Effect.all({ resources, templates: resourceTemplates }, { concurrency: 2 })
    ),
    Effect.scoped
  )

const read = (server: string, uri: string) =>
  connection(server).pipe(
    Effect.flatMap(({ readResource }) => readResource(uri)),
    Effect.scoped
  )

const renderContents = (contents: ReadonlyArray<ResourceContent>) =>
  contents
    .map(({ blob = "", mimeType = "no type given", text }) =>
      text === undefined
        ? `[${mimeType}, ${Words.bytes(Math.floor((blob.replace(/=+$/, "").length * 3) / 4))}; --output FILE writes it]`
        : text
    )
    .join("\n")

const write = Effect.fnUntraced(function* (
  contents: ReadonlyArray<ResourceContent>,
  { file, server, uri }: { readonly server: string; readonly uri: string; readonly file: string }
) {
  const screen = yield* Screen
  const [part, ...others] = contents
  if (part === undefined || others.length > 0) {
    const problem = `${uri} ${part === undefined ? "is empty" : `has ${contents.length} parts, which do not fit into one file; --json prints them`}.`
    return yield* new UsageError({ problem })
  }
  const bytes = yield* Either.mapLeft(bytesOf(part), () => {
    const detail = "Its server sent invalid base64."
    return new McpReadFailed({ server, what: "resource", name: uri, reason: "Protocol", detail })
  })
  yield* Effect.flatMap(FileSystem.FileSystem, (files) => files.writeFile(file, bytes)).pipe(
    Effect.mapError(({ message }) => new OutputFailed({ detail: `${file}: ${message}` }))
  )
  yield* screen.err(`${Words.bytes(bytes.length)} written to ${file}.`)
})

const bytesOf = ({ blob, text = "" }: ResourceContent): Either.Either<Uint8Array, Encoding.DecodeException> =>
  blob === undefined ? Either.right(new TextEncoder().encode(text)) : Encoding.decodeBase64(blob)

const encodeListing = Schema.encodeSync(Schema.parseJson(Listing))

const encodeContents = Schema.encodeSync(Schema.parseJson(Schema.Array(ResourceContent)))
