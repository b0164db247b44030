"""The article's FastAPI code."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class User(BaseModel):
    id: int
    name: str
    email: str


@app.get("/api/users", response_model=list[User])
async def get_users() -> list[User]:
    return [
        User(id=1, name="Alice", email="alice@example.com"),
        User(id=2, name="Bob", email="bob@example.com"),
    ]


@app.post("/api/users", response_model=User)
async def create_user(user: User) -> User:
    # Validation happens automatically via Pydantic
    return user
