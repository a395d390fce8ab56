// Planted imports that simulator may not have.
// expect: no-restricted-imports
import * as Command from "@effect/cli/Command"
// expect: no-restricted-imports
import * as NodeContext from "@effect/platform-node/NodeContext"
// expect: no-restricted-imports
import { Server } from "@modelcontextprotocol/server"
// expect: no-restricted-imports
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
// expect: no-restricted-imports
import * as McpServer from "@lms-bridge/mcp-server/Server"
// expect: no-restricted-imports
import * as Cli from "lms-bridge/Cli"
import * as Json from "@lms-bridge/core/Json"

export const all = [Command, NodeContext, Server, NodePlatform, FakeHttp, McpServer, Cli, Json]
