/**
 * HTTP to public addresses only.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Option from "effect/Option"

/**
 * A client that refuses, when it connects, every address that is not public, so that no name can lead it elsewhere. It
 * must not follow redirects by itself. None where the executable brings none: then nothing is fetched.
 *
 * @since 0.1.0
 * @category references
 */
export class PublicWeb extends Context.Reference<PublicWeb>()("@lms-bridge/core/images/PublicWeb", {
  defaultValue: (): Option.Option<HttpClient.HttpClient> => Option.none()
}) {}
