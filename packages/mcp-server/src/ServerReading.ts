/**
 * Binds resources, prompts and completion to the MCP SDK. With `Server.ts` the only place that knows it.
 */
import type { Server } from "@modelcontextprotocol/sdk/server/index.js"
import {
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema
} from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Complete, Prompt, Resource, Template } from "./Resource.ts"
import { fitting, match, uriOf, uriTemplate } from "./Resource.ts"
import type { Failure } from "./Tool.ts"

export interface Reading<R> {
  readonly resources: ReadonlyArray<Resource<R>>
  readonly templates: ReadonlyArray<Template<R>>
  readonly prompts: ReadonlyArray<Prompt<R>>
}

export const capabilities = { resources: { subscribe: true, listChanged: true }, prompts: {}, completions: {} }

/** A run that began or went on. */
export interface Change {
  readonly runId: string
  readonly begins: boolean
}

/** Gives back what tells the client of a change, if the client follows it. `run` runs an effect in the server. */
export const bind = <R>(
  server: Server,
  reading: Reading<R>,
  { run }: { readonly run: <A>(effect: Effect.Effect<A, never, R>, signal: AbortSignal) => Promise<A> }
) => {
  const { prompts, resources, templates } = reading
  const followed = new Set<string>()

  const reader = (uri: string) => {
    const resource = resources.find((resource) => resource.uri === uri)
    if (resource !== undefined) return resource
    for (const template of templates) {
      const value = match(template, uri)
      if (value !== undefined) return { mimeType: template.mimeType, read: template.read(value) }
    }
    throw new McpError(resourceNotFound, `There is no resource ${uri}.`, { uri })
  }

  server.setRequestHandler(ListResourcesRequestSchema, (_, { signal }) =>
    run(
      Effect.map(Effect.forEach(templates, listOf), (instances) => ({
        resources: [
          ...resources.map(({ description, mimeType, name, title, uri }) => ({
            description,
            mimeType,
            name,
            title,
            uri
          })),
          ...instances.flat()
        ]
      })),
      signal
    )
  )

  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: templates.map((template) => ({
      uriTemplate: uriTemplate(template),
      name: template.name,
      title: template.title,
      description: template.description,
      mimeType: template.mimeType
    }))
  }))

  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }, { signal }) => {
    const { mimeType, read } = reader(uri)
    return run(Effect.either(read), signal).then(
      Either.match({ onLeft: refuse(uri), onRight: (text) => ({ contents: [{ uri, mimeType, text }] }) })
    )
  })

  server.setRequestHandler(SubscribeRequestSchema, ({ params: { uri } }) => {
    reader(uri)
    followed.add(uri)
    return {}
  })

  server.setRequestHandler(UnsubscribeRequestSchema, ({ params: { uri } }) => {
    followed.delete(uri)
    return {}
  })

  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: prompts.map(({ arguments: args, description, name, title }) => ({
      name,
      title,
      description,
      arguments: args.map(({ description, name, required }) => ({ name, description, required }))
    }))
  }))

  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const prompt = prompts.find(({ name }) => name === params.name)
    if (prompt === undefined) {
      throw new McpError(
        ErrorCode.InvalidParams,
        `There is no prompt "${params.name}". There are ${prompts.map(({ name }) => name).join(", ")}.`
      )
    }
    const given = params.arguments ?? {}
    const missing = prompt.arguments.filter(({ name, required }) => required && (given[name] ?? "") === "")
    if (missing.length > 0) {
      throw new McpError(ErrorCode.InvalidParams, `${prompt.name} needs ${missing.map(({ name }) => name).join(", ")}.`)
    }
    const text = prompt.render((name) => given[name] ?? "")
    return { description: prompt.description, messages: [{ role: "user", content: { type: "text", text } }] }
  })

  server.setRequestHandler(CompleteRequestSchema, ({ params: { argument, ref } }, { signal }) => {
    const complete: Complete<R> | undefined =
      ref.type === "ref/prompt"
        ? prompts.find(({ name }) => name === ref.name)?.arguments.find(({ name }) => name === argument.name)?.complete
        : templates.find((template) => uriTemplate(template) === ref.uri && template.variable === argument.name)
            ?.complete
    // LM Studio that is off has no names to offer, which is no reason to fail
    const words = complete === undefined ? Effect.succeed([]) : Effect.orElseSucceed(complete, () => [])
    return run(
      Effect.map(words, (words) => ({ completion: fitting(words, argument.value) })),
      signal
    )
  })

  return ({ begins, runId }: Change) =>
    Effect.sync(() => {
      if (begins) tell(server, { method: "notifications/resources/list_changed" })
      for (const uri of followed) {
        const concerns = uri === "lms-bridge://runs" || templates.some((template) => match(template, uri) === runId)
        if (concerns) tell(server, { method: "notifications/resources/updated", params: { uri } })
      }
    })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Revision 2025-11-25; the SDK has no name for it. */
const resourceNotFound = -32002

const listOf = <R>(template: Template<R>) =>
  template.list.pipe(
    Effect.orElseSucceed(() => []),
    Effect.map((values) =>
      values.map(({ title, value }) => ({
        uri: uriOf(template, value),
        name: `${template.name} ${value}`,
        title: `${template.title}: ${title}`,
        mimeType: template.mimeType
      }))
    )
  )

const refuse = (uri: string) => (failure: Failure) => {
  throw new McpError(failure._tag === "RunNotFound" ? resourceNotFound : ErrorCode.InternalError, failure.message, {
    uri,
    _tag: failure._tag
  })
}

/** A client that has gone hears nothing, and needs nothing. */
const tell = (server: Server, notification: Parameters<Server["notification"]>[0]) => {
  server.notification(notification).catch(() => undefined)
}
