/**
 * HTTP to public addresses only, in Node: the name is resolved when connecting, and other addresses are refused there.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { isPublic, PublicWeb } from "@lms-bridge/core/Images"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Dns from "node:dns"
import type { LookupFunction } from "node:net"
import { later } from "./LaterClient.ts"
import * as ProxiedFetch from "./ProxiedFetch.ts"

/** Like `dns.lookup`, but an answer with any non-public address is an error. */
export const lookupBy =
  (resolve: (hostname: string, options: Dns.LookupAllOptions, callback: Answered) => void): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0)
      const [first] = addresses
      if (first === undefined || !addresses.every(({ address }) => isPublic(address))) {
        return callback(Object.assign(new Error(`${hostname} is not public`), { code: "ENOTPUBLIC" }), "", 0)
      }
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
    })

export const lookup = lookupBy(Dns.lookup)

type Answered = (error: NodeJS.ErrnoException | null, addresses: Array<Dns.LookupAddress>) => void

/** With a proxy, the proxy resolves the name: it may be known only there. */
const overProxy = (direct: HttpClient.HttpClient, proxied: HttpClient.HttpClient) =>
  HttpClient.make((request, url) =>
    ProxiedFetch.route(url)._tag === "Direct"
      ? direct.execute(request)
      : proxied.execute(request).pipe(
          Effect.provideService(FetchHttpClient.Fetch, ProxiedFetch.fetch),
          // each redirect is checked separately
          Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
        )
  )

const direct = later(
  Effect.flatMap(
    Effect.promise(() => import("@effect/platform-node/NodeHttpClient")),
    ({ layerWithoutAgent, makeAgentLayer }) =>
      layerWithoutAgent.pipe(
        Layer.provide(makeAgentLayer({ lookup, keepAlive: false })),
        Layer.build,
        Effect.map(Context.get(HttpClient.HttpClient))
      )
  )
)

export const layer = Layer.scoped(
  PublicWeb,
  Effect.gen(function* () {
    const proxied = Context.get(yield* Layer.build(FetchHttpClient.layer), HttpClient.HttpClient)
    return Option.some(overProxy(yield* direct, proxied))
  })
)
