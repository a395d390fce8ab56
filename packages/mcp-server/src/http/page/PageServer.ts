// @effect-diagnostics nodeBuiltinImport:off -- the server's own requests and responses
/**
 * The page and its routes: who may use them, and what answers. Loaded only where a page is served.
 */
import type { ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import { policy, text } from "@lms-bridge/page/Page"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { IncomingMessage, ServerResponse } from "node:http"
import { foreign, type Access } from "../HttpAccess.ts"
import { optional } from "../../tools/Fields.ts"
import * as Answers from "./Answers.ts"
import * as Asks from "./Asks.ts"
import * as Hub from "./Hub.ts"
import * as Logins from "./Logins.ts"
import * as ModelActs from "./ModelActs.ts"
import * as OtherRoutes from "./OtherRoutes.ts"
import { cookieOf, notOurs, setCookie } from "./PageAccess.ts"
import { wordsOf } from "./Route.ts"
import * as RunRoutes from "./RunRoutes.ts"
import * as Sources from "./Sources.ts"

export interface Options extends OtherRoutes.Means {
  /** What a call would do to a file, as the lines of a diff. */
  readonly changeOf: (request: ApprovalRequest) => Effect.Effect<ReadonlyArray<string>>
  /** Called with a link that logs in once: at the start, and again after each use of one. */
  readonly link?: (url: string) => Effect.Effect<void>
}

export interface PageServer {
  /** Answers a request of the page; undefined if the path is not one of its own. */
  readonly answer: (request: IncomingMessage, response: ServerResponse, path: string) => Effect.Effect<void> | undefined
  /** A link that logs in once. */
  readonly newLink: (url: string) => string
}

const Login = Schema.Struct({ code: optional(Schema.String), token: optional(Schema.String) })

export const make = Effect.fnUntraced(function* (access: Access, options: Options) {
  const logins = Logins.make(access.token)
  const keeping = yield* ModelActs.make
  const asks = Asks.make((runId) => hub.changed(runId), options.changeOf)
  const sources = yield* Sources.make({
    asks: () => asks,
    keptUntil: keeping.keptUntil
  })
  const hub: Hub.Hub = yield* Hub.make(sources)
  const routes = [...(yield* RunRoutes.make(asks, sources.lineOf)), ...(yield* OtherRoutes.make(keeping, options))]
  let base = ""
  const newLink = (url: string) => {
    base = url
    // in the fragment, which browsers send to nobody
    return `${url}#login=${logins.newCode()}`
  }

  const readLogin = Answers.bodyAs(Login)
  const login = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
    const now = yield* Clock.currentTimeMillis
    if (logins.mustWait(now)) return yield* Answers.refused(429, "TooMany", "Too many wrong attempts. Wait a minute.")
    const given = yield* readLogin(request)
    const cookie = logins.login(given, now)
    if (cookie === undefined) {
      const isCode = given.code !== undefined
      return yield* Answers.refused(
        401,
        "Wrong",
        isCode ? "This link has been used, or is an old one. Take the newest." : "That is not the token."
      )
    }
    Answers.json(response, 200, {}, { "set-cookie": setCookie(request.headers, cookie, Logins.idleMillis / 1000) })
    if (given.code !== undefined) yield* options.link?.(newLink(base)) ?? Effect.void
  })

  const api = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse, path: string) {
    const isLogin = path === "/login"
    const cookie = cookieOf(request.headers)
    const isKnown = () => logins.isKnown(cookie, lastAt)
    lastAt = yield* Clock.currentTimeMillis
    if (!isLogin && !isKnown()) return yield* Answers.refused(401, "NotLoggedIn", "Log in first.")
    const wrong = request.method === "POST" ? notOurs(request.headers) : undefined
    if (wrong !== undefined) return yield* Answers.refused(403, "Foreign", wrong)
    if (isLogin) {
      if (request.method !== "POST") return yield* Answers.refused(405, "Method", "Only POST.")
      return yield* login(request, response)
    }
    if (path === "/logout" && request.method === "POST") {
      logins.logout(cookie)
      return Answers.json(response, 200, {}, { "set-cookie": setCookie(request.headers, "", 0) })
    }
    if (path === "/api/events") return yield* hub.open(response, isKnown)
    const fitting = routes.flatMap((route) => {
      const words = wordsOf(route, path)
      return words === undefined ? [] : [{ route, words }]
    })
    const found = fitting.find(({ route }) => route.method === request.method)
    if (found === undefined) {
      return yield* fitting.length > 0
        ? Answers.refused(405, "Method", `Only ${fitting.map(({ route }) => route.method).join(", ")}.`)
        : Answers.refused(404, "NoRoute", `There is nothing at ${path}.`)
    }
    const query = new URL(request.url ?? "", "http://page").searchParams
    const answer = yield* found.route.handle({ request, words: found.words, query })
    if (found.route.method === "POST") hub.lookAgain()
    Answers.json(response, 200, answer)
  })
  let lastAt = 0

  const page = (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return Answers.failure(response, Answers.refused(405, "Method", "Only GET."))
    }
    response.writeHead(200, {
      ...Answers.always,
      "content-security-policy": policy,
      "content-type": "text/html; charset=utf-8"
    })
    response.end(request.method === "HEAD" ? undefined : text)
  }

  const server: PageServer = {
    newLink,
    answer: (request, response, path) => {
      const isApi = path === "/login" || path === "/logout" || path.startsWith("/api/")
      if (path !== "/" && !isApi) return undefined
      const refused = foreign(access, { host: request.headers.host, origin: request.headers.origin })
      if (refused !== undefined) {
        return Effect.sync(() => Answers.failure(response, Answers.refused(refused.status, "Foreign", refused.message)))
      }
      if (!isApi) return Effect.sync(() => page(request, response))
      return api(request, response, path).pipe(
        Effect.catchAll((failure) => Effect.sync(() => Answers.failure(response, failure))),
        Effect.catchAllCause((cause) =>
          Effect.zipRight(
            Effect.logError("request of the page failed", cause),
            Effect.sync(() => {
              if (response.headersSent) return void response.destroy()
              Answers.failure(
                response,
                Answers.refused(500, "InternalError", "lms-bridge made a mistake; its log has the details.")
              )
            })
          )
        )
      )
    }
  }
  return server
})
