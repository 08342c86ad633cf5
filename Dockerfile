# One image for both processes: web (the default) and worker. PostgreSQL and LiveKit are others.

FROM node:24-slim AS bundles
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY build.mjs ./
COPY static static
COPY templates templates
RUN npm run build

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY manage.py pyproject.toml ./
COPY anyreach anyreach
COPY conversations conversations
COPY agent_assist agent_assist
COPY listen_sdk listen_sdk
COPY templates templates
COPY --from=bundles /app/static/build static/build
# Nothing is connected to: settings only insist on being set.
RUN SECRET_KEY=none DATABASE_URL=postgresql://localhost/none LIVEKIT_URL=ws://localhost \
    LIVEKIT_API_KEY=none LIVEKIT_API_SECRET=nonenonenonenonenonenonenonenone \
    python manage.py collectstatic --no-input -v 0
RUN useradd --system anyreach
USER anyreach
EXPOSE 8000
CMD ["uvicorn", "anyreach.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log"]
