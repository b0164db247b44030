"""The URLs, relative to the prefix that the app is mounted under."""

from django.contrib import admin
from django.urls import path, register_converter

from django_app import errors, views
from django_app.converters import UserIdConverter

register_converter(UserIdConverter, "user_id")

urlpatterns = [
    path("api/users", views.UserListView.as_view(), name="users"),
    path("api/users/<user_id:user_id>", views.UserView.as_view(), name="user"),
    path("api/hello", views.HelloView.as_view(), name="hello"),
    path("api/wait", views.WaitView.as_view(), name="wait"),
    path("admin/", admin.site.urls),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
