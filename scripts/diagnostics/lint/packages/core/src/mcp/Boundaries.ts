// Planted imports that even core/src/mcp may not have.
// expect: no-restricted-imports
import { Server } from "@modelcontextprotocol/server"
// expect: no-restricted-imports
import * as childProcess from "node:child_process"
// expect: no-restricted-imports
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"

export const all = [Server, childProcess, FakeHttp]
