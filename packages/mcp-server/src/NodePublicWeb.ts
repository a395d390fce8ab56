/**
 * HTTP to public addresses only, in Node: a name is looked up as it is connected to, and what it leads to is refused there.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { isPublic } from "@lms-bridge/core/images/PublicAddress"
import { PublicWeb } from "@lms-bridge/core/images/PublicWeb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Dns from "node:dns"
import type { LookupFunction } from "node:net"

/** As `dns.lookup`, but an answer that holds any address that is not public is an error. */
export const lookup: LookupFunction = (hostname, options, callback) =>
  Dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, "", 0)
    const [first] = addresses
    if (first === undefined || !addresses.every(({ address }) => isPublic(address))) {
      return callback(Object.assign(new Error(`${hostname} is not public`), { code: "ENOTPUBLIC" }), "", 0)
    }
    return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
  })

export const layer = Layer.effect(PublicWeb, Effect.map(HttpClient.HttpClient, Option.some)).pipe(
  Layer.provide(NodeHttpClient.layerWithoutAgent),
  Layer.provide(NodeHttpClient.makeAgentLayer({ lookup, keepAlive: false }))
)
