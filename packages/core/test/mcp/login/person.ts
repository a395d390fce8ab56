/** People at a login page, without a browser: they follow its redirects, or leave. */
import { CallbackFailed, type OpenCallback } from "#src/mcp/login/Callback.ts"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"

const redirectUrl = "http://127.0.0.1:7/callback"

export const comesBack: OpenCallback = () =>
  Effect.sync(() => ({
    redirectUrl,
    state: randomUUID(),
    visit: (page) =>
      Effect.tryPromise({
        try: () => fetch(page, { redirect: "manual" }),
        catch: (cause) => new CallbackFailed({ detail: String(cause) })
      }).pipe(
        Effect.flatMap(({ headers, status }) => {
          const location = headers.get("location")
          return location?.replace("//localhost:", "//127.0.0.1:").startsWith(redirectUrl) === true
            ? Effect.succeed(new URL(location).searchParams)
            : new CallbackFailed({ detail: `the login page answered ${status}` })
        })
      )
  }))

export const neverComesBack: OpenCallback = () =>
  Effect.sync(() => ({ redirectUrl, state: randomUUID(), visit: () => Effect.never }))
