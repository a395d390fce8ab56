// Planted imports that core may not have; each mark names the rule that must fire on the next line.
// expect: no-restricted-imports
import { Effect } from "effect"
// expect: no-restricted-imports
import { HttpClient } from "@effect/platform"
// expect: no-restricted-imports
import * as fs from "node:fs/promises"
// expect: no-restricted-imports
import * as path from "path"
// expect: no-restricted-imports
import * as NodeContext from "@effect/platform-node/NodeContext"
// expect: no-restricted-imports
import * as NodeHttpClient from "@effect/platform-node"
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import { Client } from "@modelcontextprotocol/client"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
// expect: no-restricted-imports
import * as Simulator from "@lms-bridge/simulator/Simulator"
// expect: no-restricted-imports
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
// expect: no-restricted-imports
import * as Server from "@lms-bridge/mcp-server/Server"
// expect: no-restricted-imports
import * as Cli from "lms-bridge/Cli"
// expect: import/extensions
import * as Neighbour from "./Allowed"

// expect: no-restricted-imports
export const lazily = () => import("node:os")
// expect: no-restricted-imports
export * from "effect"
export const all = [
  HttpClient,
  fs,
  path,
  NodeContext,
  NodeHttpClient,
  Command,
  Client,
  FakeHttp,
  Simulator,
  NodePlatform,
  Server,
  Cli,
  Neighbour
]
// expect: no-restricted-properties
export const run = () => Effect.runPromise(Effect.void)
