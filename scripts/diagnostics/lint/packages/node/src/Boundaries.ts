// Planted imports that node may not have.
// expect: no-restricted-imports
import { NodeContext } from "@effect/platform-node"
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import * as Simulator from "@lms-bridge/simulator/Simulator"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
// expect: no-restricted-imports
import * as Server from "@lms-bridge/mcp-server/Server"
// expect: no-restricted-imports
import * as Cli from "lms-bridge/Cli"

export const forbidden = [NodeContext, Command, Simulator, FakeHttp, Server, Cli]
