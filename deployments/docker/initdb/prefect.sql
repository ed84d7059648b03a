-- Prefect's own database, beside openbell's.
CREATE DATABASE prefect;
