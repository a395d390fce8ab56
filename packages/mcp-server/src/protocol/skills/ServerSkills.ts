/** Binds the skills to the MCP SDK: the extension `io.modelcontextprotocol/skills`, in the older revisions as well. */
import { ProtocolError, ProtocolErrorCode, type Server } from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Shelf } from "./SkillEntry.ts"
import type { Era } from "../eras/Era.ts"

export const capabilities = { "io.modelcontextprotocol/skills": { directoryRead: true } }

/** `run` runs an effect with the shelf until the client cancels. */
export const bind = <R>(
  server: Server,
  run: <A, E>(use: (shelf: Shelf<R>) => Effect.Effect<A, E, R>, signal: AbortSignal) => Promise<A>,
  era: Era
) => {
  // the SDK adds it to what it knows itself
  const kept = era === "legacy" ? {} : { ttlMs: 60_000, cacheScope: "private" }

  server.setRequestHandler("skills/list", page, ({ cursor }, { mcpReq }) =>
    run(
      ({ list }) =>
        cursor === undefined
          ? Effect.map(list, (skills) => ({ skills: [...skills], ...kept }))
          : Effect.fail(refused(`There is no page ${cursor.slice(0, 100)}.`)),
      mcpReq.signal
    )
  )
  server.setRequestHandler("skills/get", one, ({ uri }, { mcpReq }) =>
    run(
      ({ get }) =>
        Effect.flatMap(get(uri), (skill) =>
          skill === undefined
            ? Effect.fail(refused(`No skill is served at ${uri}.`))
            : Effect.succeed({ skill, ...kept })
        ),
      mcpReq.signal
    )
  )
  server.setRequestHandler("resources/directory/read", one, ({ uri }, { mcpReq }) =>
    run(
      ({ directory }) =>
        Effect.flatMap(directory(uri), (children) =>
          children === undefined
            ? Effect.fail(refused(`${uri} is no folder of a skill.`))
            : Effect.succeed({ resources: [...children] })
        ),
      mcpReq.signal
    )
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const one = { params: Schema.standardSchemaV1(Schema.Struct({ uri: Schema.String })) }
const page = { params: Schema.standardSchemaV1(Schema.Struct({ cursor: Schema.optional(Schema.String) })) }

const refused = (message: string) => new ProtocolError(ProtocolErrorCode.InvalidParams, message)
