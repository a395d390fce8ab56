# The MCP server over Streamable HTTP: docker build -t lms-bridge . && docker run --rm -p 127.0.0.1:8811:8811 \
#   -e LMS_BRIDGE_HTTP_TOKEN=… --add-host=host.docker.internal:host-gateway lms-bridge
#
# LM Studio runs on the host: `host.docker.internal` leads there (Docker Desktop knows it; Linux needs the --add-host above), and
# LM Studio must listen for it ("Serve on Local Network"). With an API token: -e LM_API_TOKEN=…. `lms` is not in the image, so
# models are loaded over HTTP. MCP servers: -v "$PWD/mcp.json:/home/node/.mcp.json:ro"; what they start must be in the image.
FROM node:22.12.0-slim AS build
WORKDIR /source
COPY . .
RUN npm run setup && npm run build

FROM node:22.12.0-slim
ENV NODE_ENV=production \
    LMSTUDIO_HOST=host.docker.internal:1234 \
    LMS_BRIDGE_LMS_BINARY=none \
    LMS_BRIDGE_DATA_DIR=/home/node/.lms-bridge
COPY --from=build /source/packages/cli/package.json /source/LICENSE /opt/lms-bridge/
COPY --from=build /source/packages/cli/dist /opt/lms-bridge/dist
RUN mkdir /home/node/.lms-bridge && chown node:node /home/node/.lms-bridge
# node
USER 1000:1000
WORKDIR /home/node
VOLUME /home/node/.lms-bridge
EXPOSE 8811
HEALTHCHECK --interval=30s --timeout=5s CMD ["node", "-e", "fetch('http://127.0.0.1:8811/healthz').then(({ok}) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# it refuses to start without LMS_BRIDGE_HTTP_TOKEN, since it listens beyond loopback
CMD ["node", "/opt/lms-bridge/dist/lms-bridge.js", "serve", "--http", "--host", "0.0.0.0", "--port", "8811"]
