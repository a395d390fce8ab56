/**
 * Binds resources, prompts and completion to the MCP SDK.
 */
import {
  type GetPromptResult,
  type InputRequiredResult,
  ProtocolError,
  ProtocolErrorCode,
  type Server
} from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AskClient, type Asking } from "./CallContext.ts"
import { byRequests } from "./eras/Asking.ts"
import { clientIn, type Era } from "./eras/Era.ts"
import type { Questions } from "./eras/Questions.ts"
import type { Complete, Prompt, Resource, Template } from "./Resource.ts"
import * as ServerSkills from "./skills/ServerSkills.ts"
import { type Part, scheme, type Shelf } from "./skills/SkillEntry.ts"
import { type Content, toSdk } from "../tools/Content.ts"
import { fitting, match, uriOf, uriTemplate } from "./Resource.ts"
import type { Failure } from "../tools/Tool.ts"

export interface Reading<R> {
  readonly resources: ReadonlyArray<Resource<R>>
  readonly templates: ReadonlyArray<Template<R>>
  readonly prompts: ReadonlyArray<Prompt<R>>
  /** The skills; a URI in their scheme is read there. */
  readonly skills?: Shelf<R>
}

export const capabilities = {
  resources: { subscribe: true, listChanged: true },
  prompts: {},
  completions: {},
  extensions: ServerSkills.capabilities
}

/** A run that began or progressed, or a resource that changed. */
export type Change = { readonly runId: string; readonly begins: boolean } | { readonly uri: string }

/** Runs an effect with the resources and prompts until the client cancels. */
export type Run<R> = <A, E>(use: (reading: Reading<R>) => Effect.Effect<A, E, R>, signal: AbortSignal) => Promise<A>

/**
 * Returns a function that notifies the client of a change to which it subscribes. Since 2026-07-28 the SDK knows the
 * subscriptions, and passes on what belongs to one.
 */
export const bind = <R>(server: Server, run: Run<R>, era: Era, questions: Questions) => {
  const followed = new Set<string>()

  server.setRequestHandler("resources/list", (_, { mcpReq }) =>
    run(
      ({ resources, templates }) =>
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
      mcpReq.signal
    )
  )

  server.setRequestHandler("resources/templates/list", (_, { mcpReq }) =>
    run(
      ({ templates }) =>
        Effect.succeed({
          resourceTemplates: templates.map((template) => ({
            uriTemplate: uriTemplate(template),
            name: template.name,
            title: template.title,
            description: template.description,
            mimeType: template.mimeType
          }))
        }),
      mcpReq.signal
    )
  )

  server.setRequestHandler("resources/read", ({ params: { uri } }, { mcpReq }) =>
    run(
      (reading) =>
        reading.skills !== undefined && uri.startsWith(scheme)
          ? Effect.flatMap(reading.skills.read(uri), (part) =>
              part === undefined ? Effect.fail(noResource(uri)) : Effect.succeed({ contents: [shown(part)] })
            )
          : Effect.flatMap(find(reading, uri), ({ isBinary = false, mimeType, read }) =>
              read.pipe(
                Effect.map((data) => ({
                  contents: [isBinary ? { uri, mimeType, blob: data } : { uri, mimeType, text: data }]
                })),
                Effect.mapError(refusal(uri))
              )
            ),
      mcpReq.signal
    )
  )

  server.setRequestHandler("resources/subscribe", ({ params: { uri } }, { mcpReq }) =>
    run(
      (reading) =>
        Effect.map(find(reading, uri), () => {
          followed.add(uri)
          return {}
        }),
      mcpReq.signal
    )
  )

  server.setRequestHandler("resources/unsubscribe", ({ params: { uri } }) => {
    followed.delete(uri)
    return {}
  })

  server.setRequestHandler("prompts/list", (_, { mcpReq }) =>
    run(
      ({ prompts }) =>
        Effect.succeed({
          prompts: prompts.map(({ arguments: args, description, name, title }) => ({
            name,
            title,
            description,
            arguments: args.map(({ description, name, required }) => ({ name, description, required }))
          }))
        }),
      mcpReq.signal
    )
  )

  server.setRequestHandler("prompts/get", ({ params }, asking) =>
    run<GetPromptResult | InputRequiredResult, ProtocolError>(({ prompts }) => {
      const prompt = prompts.find(({ name }) => name === params.name)
      if (prompt === undefined) {
        const names = prompts.map(({ name }) => name).join(", ")
        return Effect.fail(
          new ProtocolError(
            ProtocolErrorCode.InvalidParams,
            `There is no prompt "${params.name}". The prompts are ${names}.`
          )
        )
      }
      const given = new Map(Object.entries(params.arguments ?? {}))
      const missing = prompt.arguments.filter(({ name, required }) => required && (given.get(name) ?? "") === "")
      if (missing.length > 0) {
        const names = missing.map(({ name }) => name).join(", ")
        return Effect.fail(new ProtocolError(ProtocolErrorCode.InvalidParams, `${prompt.name} needs ${names}.`))
      }
      const resumed = questions.resume<GetPromptResult>(asking, prompt.name)
      if (resumed !== undefined) return resumed
      const resultOf = (parts: ReadonlyArray<Content>) => ({
        description: prompt.description,
        messages: parts.map((part) => ({ role: "user" as const, content: toSdk(part) }))
      })
      const { ask } = prompt
      if (ask === undefined) return Effect.succeed(resultOf(prompt.render((name) => given.get(name) ?? "")))
      const work = (client: Asking) => Effect.map(Effect.provideService(ask, AskClient, Option.some(client)), resultOf)
      return era === "legacy"
        ? work(byRequests(server, asking.mcpReq))
        : questions.begin(asking, prompt.name, clientIn(asking.mcpReq).capabilities ?? {}, work)
    }, asking.mcpReq.signal)
  )

  server.setRequestHandler("completion/complete", ({ params: { argument, ref } }, { mcpReq }) =>
    run(({ prompts, templates }) => {
      const complete: Complete<R> | undefined =
        ref.type === "ref/prompt"
          ? prompts.find(({ name }) => name === ref.name)?.arguments.find(({ name }) => name === argument.name)
              ?.complete
          : templates.find((template) => uriTemplate(template) === ref.uri && template.variable === argument.name)
              ?.complete
      // without LM Studio there are no names to offer, which is not a failure
      const words = complete === undefined ? Effect.succeed([]) : Effect.orElseSucceed(complete, () => [])
      return Effect.map(words, (words) => ({ completion: fitting(words, argument.value) }))
    }, mcpReq.signal)
  )

  ServerSkills.bind<R>(server, (use, signal) => run(({ skills }) => use(skills ?? emptyShelf), signal), era)

  return (reading: Reading<R>, change: Change) =>
    Effect.sync(() => {
      const isFollowed = (uri: string) => era === "modern" || followed.has(uri)
      for (const notice of noticesOf(reading, change))
        if (notice.uri === undefined || isFollowed(notice.uri)) tell(server, messageOf(notice))
    })
}

/** What has changed: the resource with this URI, or the list of resources. */
export interface Notice {
  readonly uri: string | undefined
}

export const noticesOf = <R>({ templates }: Reading<R>, change: Change): ReadonlyArray<Notice> =>
  "uri" in change
    ? [{ uri: change.uri }]
    : [
        ...(change.begins ? [{ uri: undefined }] : []),
        { uri: "lms-bridge://runs" },
        ...templates.map((template) => ({ uri: uriOf(template, change.runId) }))
      ]

/** A client that has left needs no notification. */
export const tell = (server: Server, notification: Parameters<Server["notification"]>[0]) => {
  server.notification(notification).catch(() => undefined)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const emptyShelf: Shelf<never> = {
  list: Effect.succeed([]),
  get: () => Effect.succeed(undefined),
  read: () => Effect.succeed(undefined),
  directory: () => Effect.succeed(undefined)
}

const messageOf = ({ uri }: Notice) =>
  uri === undefined
    ? { method: "notifications/resources/list_changed" }
    : { method: "notifications/resources/updated", params: { uri } }

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

/** The resource of this URI: a fixed one, or one from a template. */
const find = <R>(
  { resources, templates }: Reading<R>,
  uri: string
): Effect.Effect<Pick<Resource<R>, "mimeType" | "isBinary" | "read">, ProtocolError> => {
  const resource = resources.find((resource) => resource.uri === uri)
  if (resource !== undefined) return Effect.succeed(resource)
  for (const template of templates) {
    const value = match(template, uri)
    if (value !== undefined) return Effect.succeed({ mimeType: template.mimeType, read: template.read(value) })
  }
  return Effect.fail(noResource(uri))
}

const noResource = (uri: string) =>
  new ProtocolError(ProtocolErrorCode.ResourceNotFound, `There is no resource ${uri}.`, { uri })

const shown = ({ blob, mimeType, text, uri }: Part) =>
  blob === undefined ? { uri, mimeType, text: text ?? "" } : { uri, mimeType, blob }

const refusal =
  (uri: string) =>
  ({ _tag, message }: Failure) =>
    new ProtocolError(
      _tag.endsWith("NotFound") ? ProtocolErrorCode.ResourceNotFound : ProtocolErrorCode.InternalError,
      message,
      { uri, _tag }
    )
