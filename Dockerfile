# syntax=docker/dockerfile:1
# Two images: `router` (the default, production packages only) and `models` (the demo's model servers).
# The official Node image runs them, so the bundled Node of npm checkouts is left out. It is of the same version.
ARG NODE=24.21.0-bookworm-slim

FROM node:${NODE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:${NODE} AS all-packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional --no-audit --no-fund

FROM node:${NODE} AS models
ENV NODE_ENV=production
WORKDIR /app
COPY --from=all-packages /app/node_modules ./node_modules
COPY package.json ./
COPY src ./src
COPY demo ./demo
USER node
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/v2/health/ready').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "demo/model-server.ts", "--host", "0.0.0.0", "--port", "8000"]

FROM node:${NODE} AS router
ENV NODE_ENV=production NODE_COMPILE_CACHE=/tmp/sluice-compile-cache
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY src ./src
RUN ln -s /app/bin/sluice.js /usr/local/bin/sluice \
  && rm -rf /usr/local/lib/node_modules/npm /usr/local/bin/npm /usr/local/bin/npx \
  && install -d -o node -g node -m 0700 /var/lib/sluice
USER node
# Relative paths of a configuration start here, and the CLI looks for ./state here.
WORKDIR /var/lib/sluice
VOLUME /var/lib/sluice
EXPOSE 8080 9912
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["sluice", "healthcheck"]
ENTRYPOINT ["sluice"]
CMD ["serve", "/etc/sluice/sluice.yaml"]
