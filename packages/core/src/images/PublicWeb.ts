/** HTTP to public addresses only. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Option from "effect/Option"

/**
 * A client that refuses, when it connects, every address that is not public, whatever name resolved to it. It must not
 * follow redirects by itself. None unless the executable provides one; then nothing is fetched.
 */
export class PublicWeb extends Context.Reference<PublicWeb>()("@lms-bridge/core/images/PublicWeb", {
  defaultValue: (): Option.Option<HttpClient.HttpClient> => Option.none()
}) {}
